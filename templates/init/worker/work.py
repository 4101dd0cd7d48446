"""Your work: what is done with each uploaded file. Change `work`; the rest may stay as it is.

The same file may come twice: doing the work again must do no harm. An exception means that the work failed: the message
comes back later, and after `max_receives` deliveries goes to the dead-letter queue.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from urllib.parse import quote_plus, unquote_plus

import boto3

UPLOADS = os.environ["QFLEET_UPLOADS_PREFIX"]
PROCESSED = os.environ["QFLEET_PROCESSED_PREFIX"]

log = logging.getLogger("work")
s3 = boto3.client("s3")


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


def handle(body: str) -> Iterator[str]:
    """Does the work that a message asks for. What it yields is sent to the stages that come next."""
    for bucket, key in uploads_in(body):
        try:
            result = work(bucket, key)
        except Exception as error:
            # In one line, so that `qfleet logs --filter KEY` finds it.
            log.error("%s failed: %r", key, error)
            raise
        if result:
            yield event(bucket, result)


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


def event(bucket: str, key: str) -> str:
    """Tells of a result in the way S3 would tell of an upload, so that any worker understands it."""
    where = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/")}}
    return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": where}]})
