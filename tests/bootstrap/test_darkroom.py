"""`examples/darkroom` on a photo that is uploaded again while it is developed."""

import io
import json
import sys
import threading
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

# qfleet packs this folder as it is: nothing may be left in it.
sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "darkroom"))

import darkroom  # noqa: E402
import png  # noqa: E402

KEY, DONE = "uploads/a.png", "processed/a.png"
SETTINGS = {
    "QFLEET_BUCKET": "b",
    "QFLEET_QUEUE_URL": "q",
    "QFLEET_UPLOADS_PREFIX": "uploads/",
    "QFLEET_PROCESSED_PREFIX": "processed/",
    "DARKROOM_SECONDS": "0",
}


class S3:
    """One bucket in memory. DeleteObject with If-Match answers as S3 does: 412 where the object has another ETag
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html)."""

    exceptions = boto3.client("s3", region_name="us-east-2").exceptions

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.overwrites: list[bytes] = []

    def etag(self, key: str) -> str:
        return f'"{hash(self.objects[key])}"'

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise self.exceptions.NoSuchKey({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": self.etag(Key)}

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:
        self.objects[Key] = Body
        if self.overwrites:
            self.objects[KEY] = self.overwrites.pop()

    def delete_object(self, Bucket: str, Key: str, IfMatch: str | None = None) -> None:
        if IfMatch not in (None, self.etag(Key)):
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "DeleteObject")
        del self.objects[Key]


class Queue:
    """One message, which comes until it is deleted."""

    def __init__(self) -> None:
        body = json.dumps({"Records": [{"s3": {"object": {"key": KEY}}}]})
        self.messages = [{"Body": body, "ReceiptHandle": "r"}]
        self.given_back = False

    def receive_message(self, **_: Any) -> dict[str, Any]:
        return {"Messages": list(self.messages)}

    def delete_message(self, **_: Any) -> None:
        self.messages.clear()

    def change_message_visibility(self, VisibilityTimeout: int, **_: Any) -> None:
        self.given_back = VisibilityTimeout == 0


def test_a_photo_that_is_uploaded_again_meanwhile_is_developed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    first, second = png.write([b"\x00\x01"]), png.write([b"\x02\x03"])
    s3, queue = S3(), Queue()
    s3.objects[KEY], s3.overwrites = first, [second]
    worker = darkroom.Darkroom(s3, queue, threading.Event())
    with pytest.raises(ClientError, match="PreconditionFailed"):
        worker.work()
    assert s3.objects[KEY] == second, "it was not deleted unread"
    assert queue.messages, "the message comes back"
    worker.work()
    assert s3.objects == {DONE: darkroom.develop(second)}
    assert not queue.messages


def test_a_photo_that_is_spoilt_is_named_in_the_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    s3, queue = S3(), Queue()
    s3.objects[KEY] = b"no photo"
    darkroom.Darkroom(s3, queue, threading.Event()).work()
    assert capsys.readouterr().out == f"can't be developed: {KEY}: it is no PNG\n"
    assert queue.messages and queue.given_back, "it comes back at once"
