"""Writes a file `<key>.sha256` beside each object that a queue message tells of: a second stage, fed by another.

As short as a worker can be that loses nothing: a message is deleted after its work is done, so whatever ends this
program, the message comes back, and doing the work again changes nothing. `examples/mover` shows what more a worker can
do: keep messages hidden while it works, work on several at once, and hand back its work before its instance goes.
"""

import hashlib
import json
import os
import signal
import sys
from typing import Any
from urllib.parse import unquote_plus

import boto3
from botocore.exceptions import ClientError

CHUNK = 1 << 20
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


def main() -> int:
    bucket, queue = os.environ["QFLEET_BUCKET"], os.environ["QFLEET_QUEUE_URL"]
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    stop = False

    def on_sigterm(*_: object) -> None:
        nonlocal stop
        stop = True

    signal.signal(signal.SIGTERM, on_sigterm)
    while not stop:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20).get("Messages", []):
            try:
                for key in objects_in(message["Body"]):
                    fingerprint(s3, bucket, key)
            except (ValueError, LookupError, TypeError, AttributeError, ClientError) as error:
                # It comes back, and after too many times goes to the dead-letter queue.
                print(f"message {message['MessageId']}: {type(error).__name__}: {error}", flush=True)
                continue
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
