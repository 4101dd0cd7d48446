"""Writes a file `<key>.sha256` beside each object that a queue message tells of: a second stage, fed by another.

As short as a worker can be that loses nothing: a message is deleted after its work is done, so whatever ends this
program, the message comes back, and doing the work again changes nothing. While a service is away it waits, longer each
time. `examples/mover` shows what more a worker can do: keep messages hidden while it works, work on several at once, and
hand back its work before its instance goes.
"""

import hashlib
import json
import os
import signal
import threading
from typing import Any
from urllib.parse import unquote_plus

import boto3
from botocore.exceptions import ClientError

CHUNK = 1 << 20
# How long one request waits for a message: 20 s is the most, and costs the least. A local fleet wants less, so that an idle
# worker ends soon.
WAIT = int(os.environ.get("QFLEET_POLL_SECONDS", "20"))
# Seconds between tries while they fail: twice as long each time, up to this.
LONGEST_PAUSE = 60
SUFFIX = ".sha256"


def objects_in(body: str) -> list[str]:
    """The keys that a message tells of; none for S3's test event."""
    event = json.loads(body)
    # Keys are form-encoded in events: a plus sign is a space.
    return [unquote_plus(record["s3"]["object"]["key"]) for record in event.get("Records", [])]


def fingerprint(s3: Any, bucket: str, key: str) -> None:
    if key.endswith(SUFFIX):
        return
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        print(f"{key} is gone", flush=True)
        return
    digest = hashlib.sha256()
    for chunk in answer["Body"].iter_chunks(CHUNK):
        digest.update(chunk)
    line = f"{digest.hexdigest()}  {key.rsplit('/', 1)[-1]}\n"
    s3.put_object(Bucket=bucket, Key=key + SUFFIX, Body=line.encode())
    print(f"wrote {key}{SUFFIX}", flush=True)


def main() -> None:
    bucket, queue = os.environ["QFLEET_BUCKET"], os.environ["QFLEET_QUEUE_URL"]
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    pause = 0
    while not stop.is_set():
        try:
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=WAIT).get("Messages", []):
                for key in objects_in(message["Body"]):
                    fingerprint(s3, bucket, key)
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            pause = 0
        except Exception as error:
            # A message that can't be worked on comes back, and after too many times goes to the dead-letter queue.
            # Without the pause all of them would, while a service is away.
            pause = min(max(1, pause * 2), LONGEST_PAUSE)
            print(f"next try in {pause} s: {type(error).__name__}: {error}", flush=True)
            stop.wait(pause)


if __name__ == "__main__":
    main()
