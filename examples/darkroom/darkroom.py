"""Makes a negative of each photo that is uploaded, and puts it under the same name into the prefix of what is done. Slow on
purpose, so that a class sees the work pile up. What is no photo it can't develop: such a message comes back, and goes to the
dead-letter queue in the end.

As short as a worker can be that loses nothing: a message is deleted after its work is done. `examples/mover` shows what more
a worker can do.
"""

import json
import os
import signal
import threading
from typing import Any
from urllib.parse import unquote_plus

import boto3
import png

LONGEST_PAUSE = 60


def keys_in(body: str) -> list[str]:
    """The keys that a message tells of; none for S3's test event."""
    # Keys are form-encoded in events: a plus sign is a space.
    return [unquote_plus(record["s3"]["object"]["key"]) for record in json.loads(body).get("Records", [])]


def develop(photo: bytes) -> bytes:
    return png.write([bytes(255 - pixel for pixel in row) for row in png.read(photo)])


class Darkroom:
    def __init__(self, s3: Any, sqs: Any, stop: threading.Event) -> None:
        self.s3, self.sqs, self.stop = s3, sqs, stop
        self.bucket, self.queue = os.environ["QFLEET_BUCKET"], os.environ["QFLEET_QUEUE_URL"]
        self.uploads = os.environ["QFLEET_UPLOADS_PREFIX"]
        self.processed = os.environ["QFLEET_PROCESSED_PREFIX"]
        self.seconds = float(os.environ.get("DARKROOM_SECONDS", "1"))

    def photo(self, key: str) -> None:
        try:
            upload = self.s3.get_object(Bucket=self.bucket, Key=key)
        except self.s3.exceptions.NoSuchKey:
            # Done before, when the message came back.
            print(f"{key} is gone", flush=True)
            return
        negative = develop(upload["Body"].read())
        # The chemistry takes its time.
        self.stop.wait(self.seconds)
        done = self.processed + key.removeprefix(self.uploads)
        self.s3.put_object(Bucket=self.bucket, Key=done, Body=negative, ContentType="image/png")
        # Only what was developed. A newer photo under the same name stays: S3 refuses, and the message comes back.
        self.s3.delete_object(Bucket=self.bucket, Key=key, IfMatch=upload["ETag"])
        print(f"developed {done}", flush=True)

    def work(self) -> None:
        wait = int(os.environ.get("DARKROOM_POLL_SECONDS") or os.environ.get("QFLEET_POLL_SECONDS", "20"))
        received = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=wait)
        for message in received.get("Messages", []):
            handle = {"QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"]}
            key = None
            try:
                for key in keys_in(message["Body"]):
                    self.photo(key)
            except (png.NotAPhoto, ValueError, KeyError) as why:
                print(f"can't be developed: {key or message['Body'][:300]}: {why}", flush=True)
                # Another worker won't do better, but that isn't for this one to say: it gives it back at once.
                self.sqs.change_message_visibility(VisibilityTimeout=0, **handle)
                continue
            self.sqs.delete_message(**handle)


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    darkroom, pause = Darkroom(boto3.client("s3"), boto3.client("sqs"), stop), 0
    while not stop.is_set():
        try:
            darkroom.work()
            pause = 0
        except Exception as error:
            # A service is away.
            pause = min(max(1, pause * 2), LONGEST_PAUSE)
            print(f"next try in {pause} s: {type(error).__name__}: {error}", flush=True)
            stop.wait(pause)


if __name__ == "__main__":
    main()
