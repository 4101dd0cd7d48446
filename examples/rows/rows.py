"""Writes each job into a table of a PostgreSQL database: one row a message, however often it comes.

It logs in with what RDS keeps in Secrets Manager, JSON in DATABASE_LOGIN. RDS changes the password every week: who can't
log in any more ends, and is started again with the new one. Connections are encrypted, and the server's certificate is
checked.
"""

import json
import os
import signal
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

import boto3
import pg8000.dbapi

AUTHORITIES = Path(__file__).parent / "rds.pem"
# How long one request waits for a message: 20 s is the most, and costs the least. A local fleet wants less, so that an idle
# worker ends soon.
WAIT = int(os.environ.get("QFLEET_POLL_SECONDS", "20"))
# Seconds between tries while they fail: twice as long each time, up to this.
LONGEST_PAUSE = 60
# PostgreSQL's codes for a login that is refused.
REFUSED = {"28000", "28P01"}


def connect() -> Any:
    login = json.loads(os.environ["DATABASE_LOGIN"])
    connection = pg8000.dbapi.connect(
        user=login["username"],
        password=login["password"],
        host=os.environ["DATABASE_HOST"],
        port=int(os.environ["DATABASE_PORT"]),
        database=os.environ["DATABASE_NAME"],
        ssl_context=ssl.create_default_context(cafile=str(AUTHORITIES)),
        timeout=30,
    )
    cursor = connection.cursor()
    # Workers that start at the same time would make it at the same time.
    cursor.execute("SELECT pg_advisory_xact_lock(4711)")
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS jobs (id text PRIMARY KEY, body text NOT NULL, written timestamptz DEFAULT now())"
    )
    connection.commit()
    return connection


def write(connection: Any, message: dict[str, Any]) -> None:
    cursor = connection.cursor()
    cursor.execute(
        "INSERT INTO jobs (id, body) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING",
        (message["MessageId"], message["Body"]),
    )
    connection.commit()
    print(f"wrote {message['MessageId']}", flush=True)


def is_refused(error: Exception) -> bool:
    details = error.args[0] if error.args else None
    return isinstance(details, dict) and details.get("C") in REFUSED


def main() -> None:
    queue, sqs = os.environ["QFLEET_QUEUE_URL"], boto3.client("sqs")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    connection, pause = None, 0
    while not stop.is_set():
        try:
            connection = connection or connect()
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=WAIT).get("Messages", []):
                write(connection, message)
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            pause = 0
        except Exception as error:
            if is_refused(error):
                sys.exit(f"the database refuses the login: {error}")
            # The message comes back; the connection may be of no use any more.
            connection = None
            pause = min(max(1, pause * 2), LONGEST_PAUSE)
            print(f"next try in {pause} s: {type(error).__name__}: {error}", flush=True)
            stop.wait(pause)


if __name__ == "__main__":
    main()
