"""Takes messages from the queue and does the work that each of them asks for.

Replace `work`. The rest is what any worker of a queue needs:

- a message is deleted when its work is done, never before. If the work fails, or the instance goes away, the message
  comes back, and after `max_receives` deliveries goes to the dead-letter queue;
- so the same work may come twice, and doing it twice must do no harm;
- while the work goes on, the message is kept from other workers by extending its visibility timeout;
- each result is told to the stages that come next, before the message is deleted: should this program die in between,
  they hear of it twice, and not never;
- SIGTERM ends the program after the message in hand. It comes when the group scales in, when a new version is deployed,
  and when EC2 takes a spot instance back. There is as long as `drain_timeout`; what isn't done then is delivered again;
- while work fails, or the queue doesn't answer, the program takes its time: a service that is away shouldn't send every
  message to the dead-letter queue.
"""

import contextlib
import hashlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from urllib.parse import quote_plus, unquote_plus

import boto3

QUEUE_URL = os.environ["QFLEET_QUEUE_URL"]
UPLOADS = os.environ["QFLEET_UPLOADS_PREFIX"]
PROCESSED = os.environ["QFLEET_PROCESSED_PREFIX"]
VISIBILITY = int(os.environ["QFLEET_VISIBILITY_TIMEOUT_SECONDS"])
NEXT = os.environ.get("QFLEET_NEXT_QUEUE_URLS", "").split()
# How long one request waits for a message: 20 s is the most, and costs the least.
WAIT = int(os.environ.get("WORKER_WAIT_SECONDS", "20"))
# Seconds between tries while they fail: twice as long each time, up to this.
LONGEST_PAUSE = 60

log = logging.getLogger("worker")
sqs = boto3.client("sqs")
s3 = boto3.client("s3")
stop = threading.Event()


def work(bucket: str, key: str) -> str | None:
    """Your work: here, it writes the size and the SHA-256 of an uploaded file beside the results. Returns the key of the
    result, for the stages that come next."""
    if key.endswith("/"):
        return None  # a folder made in the console
    digest = hashlib.sha256()
    size = 0
    for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20):
        digest.update(chunk)
        size += len(chunk)
    result = json.dumps({"file": key, "bytes": size, "sha256": digest.hexdigest()})
    result_key = PROCESSED + key.removeprefix(UPLOADS).removeprefix(PROCESSED) + ".json"
    s3.put_object(Bucket=bucket, Key=result_key, Body=result.encode())
    log.info("%s: %d bytes", key, size)
    return result_key


def uploads_in(body: str) -> Iterator[tuple[str, str]]:
    """The uploaded files that a message tells of: an S3 event, wrapped in an SNS notification."""
    event = json.loads(body)
    if event.get("Type") == "Notification":
        event = json.loads(event["Message"])
    if event.get("Event") == "s3:TestEvent":
        return  # S3 sends it once, when the notification is set up
    for record in event["Records"]:
        # In events, keys are form-encoded: a plus sign is a space.
        yield record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])


def send_on(bucket: str, key: str) -> None:
    """Tells the next stages of a result in the way S3 would tell of an upload, so that any worker understands it."""
    where = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/")}}
    event = {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": where}]}
    for url in NEXT:
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))


@contextlib.contextmanager
def kept(receipt: str) -> Iterator[None]:
    """Keeps a message from other workers until the block ends."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(VISIBILITY / 3):
            try:
                sqs.change_message_visibility(QueueUrl=QUEUE_URL, ReceiptHandle=receipt, VisibilityTimeout=VISIBILITY)
            except Exception:  # the next beat may do better; at worst the message comes twice
                log.exception("could not extend a message's visibility timeout")

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def one(message: dict) -> None:
    with kept(message["ReceiptHandle"]):
        for bucket, key in uploads_in(message["Body"]):
            result = work(bucket, key)
            if result:
                send_on(bucket, result)
    sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])


def main() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    log.info("waiting for messages in %s", QUEUE_URL)
    pause = 0
    while not stop.is_set():
        try:
            answer = sqs.receive_message(QueueUrl=QUEUE_URL, MaxNumberOfMessages=1, WaitTimeSeconds=WAIT)
            for message in answer.get("Messages", []):
                one(message)
            pause = 0
        except Exception:  # no trouble must end the worker; the queue delivers the message again
            pause = min(max(1, pause * 2), LONGEST_PAUSE)
            log.exception("failed; next try in %d s", pause)
            stop.wait(pause)
    log.info("stopped")


if __name__ == "__main__":
    main()
