import json
from typing import Any

import pytest
from mover.events import BadMessage, Job, Upload, event_for, job_in, uploads_in


def record(key: str = "uploads/a.txt", name: str = "ObjectCreated:Put", bucket: str = "photos") -> dict[str, Any]:
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": name,
        "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 7, "eTag": "0a1b", "sequencer": "0055"}},
    }


def event(*records: dict[str, Any]) -> str:
    return json.dumps({"Records": records})


def wrapped(message: str) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:…", "Subject": "x", "Message": message})


A = Upload("photos", "uploads/a.txt", "0a1b", "0055")
TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "photos"})


@pytest.mark.parametrize(
    ("body", "uploads"),
    [
        pytest.param(event(record()), [A], id="raw"),
        pytest.param(wrapped(event(record())), [A], id="wrapped by SNS"),
        pytest.param(event(record(), record("uploads/b")), [A, Upload("photos", "uploads/b", "0a1b", "0055")], id="two records"),
        pytest.param(event(record(name="s3:ObjectCreated:Copy")), [A], id="name with prefix"),
        pytest.param(event(record(name="ObjectRemoved:Delete")), [], id="a removal"),
        pytest.param(TEST_EVENT, [], id="test event"),
        pytest.param(wrapped(TEST_EVENT), [], id="wrapped test event"),
    ],
)
def test_reads(body: str, uploads: list[Upload]) -> None:
    assert uploads_in(body) == uploads


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("uploads/a+b.txt", "uploads/a b.txt"),
        ("uploads/1%2B1.txt", "uploads/1+1.txt"),
        ("uploads/100%25.txt", "uploads/100%.txt"),
        ("uploads/%22it%27s%22", "uploads/\"it's\""),
        ("uploads/%F0%9F%98%80", "uploads/😀"),
        ("uploads/a%2Fb/c", "uploads/a/b/c"),
        ("uploads/a%0Ab", "uploads/a\nb"),
        ("uploads/%252B", "uploads/%2B"),
    ],
)
def test_decodes_keys(encoded: str, key: str) -> None:
    assert uploads_in(event(record(encoded))) == [Upload("photos", key, "0a1b", "0055")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "not JSON"),
        ("hello", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("{}", "no Records"),
        ('{"Records": []}', "no Records"),
        ('{"Records": {}}', "no Records"),
        ('{"Records": [1]}', "not an S3 event"),
        ('{"Records": [{"eventSource": "aws:ses", "ses": {}}]}', "not an S3 event"),
        (wrapped("hello"), "the notification's Message is not JSON"),
        (event(record(key="")), "empty"),
        (event(record(key="%FF")), "not UTF-8"),
        (event(record(key=7)), "empty"),  # type: ignore[arg-type]
        # All or nothing: the records beside a broken one are left for whoever looks at the message.
        (event(record(), {"eventName": "ObjectCreated:Put"}), "not an S3 event"),
    ],
)
def test_refuses(body: str, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        uploads_in(body)


@pytest.mark.parametrize("key", ["processed/a b+c.txt", 'processed/"😀"/%2B', "processed/ü\n"])
def test_what_a_next_stage_gets_reads_like_an_upload(key: str) -> None:
    body = event_for("photos", key, 7, '"0a1b"', "us-east-2", "2026-01-01T00:00:00.000Z")
    assert uploads_in(body) == [Upload("photos", key, "0a1b")]
    assert json.loads(body)["Records"][0]["s3"]["object"]["eTag"] == "0a1b"


def test_the_order_of_uploads_is_handed_on() -> None:
    body = event_for("photos", "processed/a", 7, '"0a1b"', "us-east-2", "2026-01-01T00:00:00.000Z", "0055")
    assert uploads_in(body) == [Upload("photos", "processed/a", "0a1b", "0055")]


def test_a_job_goes_on_where_it_stopped() -> None:
    assert job_in('{"move": "uploads/"}') == Job("uploads/")
    rest = Job("uploads/", 'uploads/"ü"', 7)
    assert job_in(rest.body()) == rest
    assert job_in(event(record())) is None
    for body in ('{"move": "uploads/", "after": 1}', '{"move": "uploads/", "moved": "1"}', '{"move": "uploads/", "moved": -1}'):
        with pytest.raises(BadMessage, match="`after` must be a key"):
            job_in(body)
