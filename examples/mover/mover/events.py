"""What a queue message says: the S3 event in it, sent directly or wrapped by SNS; or a job by hand, which names a file."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, unquote_plus


class BadMessage(Exception):
    """Nothing that a retry could mend. The message is left to the queue's redrive, for somebody to look at."""


@dataclass(frozen=True)
class Upload:
    bucket: str
    key: str
    """As the bucket has it: decoded."""
    etag: str = ""
    sequencer: str = ""
    """Orders the events of a key. Only S3 gives one."""


def uploads_in(body: str) -> list[Upload]:
    """The uploads that a message tells of; none for S3's test event.

    Raises BadMessage for anything that isn't an S3 event.
    """
    event = _json_object(body, "the message")
    if event.get("Type") == "Notification" and isinstance(event.get("Message"), str):
        event = _json_object(event["Message"], "the notification's Message")
    # S3 sends this once, when the notification is set up.
    if event.get("Event") == "s3:TestEvent":
        return []
    records = event.get("Records")
    if not isinstance(records, list) or not records:
        raise BadMessage("it has no Records: not an S3 event")
    uploads = [_upload(record) for record in records]
    return [upload for upload in uploads if upload is not None]


@dataclass(frozen=True)
class Job:
    """A job by hand, as in {"move": "uploads/a.txt"}."""

    move: str
    """A key, or a prefix that ends in a slash."""
    after: str = ""
    """Of a job that goes on where an earlier one stopped: the last key that was dealt with."""
    moved: int = 0
    """How many files were moved before."""

    def body(self) -> str:
        return json.dumps({"move": self.move, "after": self.after, "moved": self.moved})


def job_in(body: str) -> Job | None:
    """None where it is no job by hand."""
    asked_for = _json_object(body, "the message")
    move, after, moved = (asked_for.get(name, default) for name, default in (("move", None), ("after", ""), ("moved", 0)))
    if not isinstance(move, str):
        return None
    if not isinstance(after, str) or type(moved) is not int or moved < 0:
        raise BadMessage("`after` must be a key, and `moved` a number")
    return Job(move, after, moved)


def event_for(bucket: str, key: str, size: int, etag: str, region: str, time: str, sequencer: str = "") -> str:
    """A message in the shape of an S3 event, so that a next stage reads it as if its file had just been uploaded.

    `sequencer` is that of the upload. As a key has one place to go to, it orders what comes there, too.
    """
    described: dict[str, Any] = {"key": quote_plus(key, safe="/"), "size": size, "eTag": etag.strip('"')}
    if sequencer:
        described["sequencer"] = sequencer
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": time,
        "eventName": "ObjectCreated:Copy",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket},
            "object": described,
        },
    }
    return json.dumps({"Records": [record]})


def _upload(record: Any) -> Upload | None:
    try:
        name = record["eventName"]
        bucket = record["s3"]["bucket"]["name"]
        described = record["s3"]["object"]
        key = described["key"]
    except (KeyError, TypeError):
        raise BadMessage("a record without eventName, bucket name or object key: not an S3 event") from None
    if not (isinstance(name, str) and isinstance(bucket, str) and isinstance(key, str) and bucket and key):
        raise BadMessage("a record with an empty bucket name or object key")
    if not name.removeprefix("s3:").startswith("ObjectCreated:"):
        return None  # a removal, a restore: there is nothing to move
    try:
        # Keys are form-encoded in events: a plus sign is a space.
        key = unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        raise BadMessage(f"the object key {key!r} is not UTF-8") from None
    return Upload(bucket, key, str(described.get("eTag") or ""), str(described.get("sequencer") or ""))


def _json_object(text: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage(f"{what} is not JSON") from None
    if not isinstance(value, dict):
        raise BadMessage(f"{what} is not a JSON object")
    return value
