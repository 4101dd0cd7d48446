"""What is written down about uploads: late and repeated deliveries, uploads anew, and a table that is away."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable

import pytest
from conftest import NOBODY, Lab, eventually
from mover.batches import Batches
from mover.events import Upload
from mover.results import DONE, FAILED, WORKING, Results
from mover.settings import Settings
from mover.work import Work
from servers import between, metadata


def new_table(lab: Lab) -> str:
    """As `templates/results.yaml.j2` makes it."""
    lab.client("dynamodb").create_table(
        TableName=lab.name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("Job", "Stage")],
        KeySchema=[{"AttributeName": "Job", "KeyType": "HASH"}, {"AttributeName": "Stage", "KeyType": "RANGE"}],
    )
    return lab.name


@pytest.fixture
def table(lab: Lab) -> str:
    return new_table(lab)


def results(lab: Lab, table: str, ttl: int | None = 60) -> Results:
    return Results(lab.client("dynamodb"), table, "move", ttl)


def record(lab: Lab, table: str, job: str) -> dict[str, str]:
    key = {"Job": {"S": job}, "Stage": {"S": "move"}}
    item = lab.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
    return {name: value for name, typed in item.items() for value in typed.values()}


def state(lab: Lab, table: str, job: str = "uploads/a") -> str | None:
    return record(lab, table, job).get("State")


def event(lab: Lab, key: str, etag: str = "e1", sequencer: str = "") -> str:
    described = {"key": key, "size": 7, "eTag": etag} | ({"sequencer": sequencer} if sequencer else {})
    return json.dumps(
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": lab.bucket}, "object": described}}]}
    )


def first(sequencer: str = "0055", etag: str = "e1") -> Upload:
    return Upload("bucket", "uploads/a", etag, sequencer)


def test_a_record_says_who_did_what_and_until_when_it_stays(lab: Lab, table: str) -> None:
    ours = results(lab, table)
    ours.worker = "i-1"
    began = int(time.time())
    ours.write(first(), WORKING)
    ours.write(first(), DONE, "moved to processed/a")
    found = record(lab, table, "uploads/a")
    assert began + 60 <= int(found.pop("ExpiresAt")) <= time.time() + 60
    assert found.pop("UpdatedAt").startswith("20")
    assert found.pop("Sequencer").rstrip("0") == "0055"
    assert found == {
        "Job": "uploads/a",
        "Stage": "move",
        "State": "done",
        "Worker": "i-1",
        "Detail": "moved to processed/a",
        "ETag": "e1",
    }
    # For ever, from now on.
    results(lab, table, None).write(first("0056"), WORKING)
    assert "ExpiresAt" not in record(lab, table, "uploads/a")


@pytest.mark.parametrize(
    ("written", "ends_as"),
    [
        pytest.param([("0055", WORKING), ("0055", DONE), ("0055", WORKING)], DONE, id="a repeated delivery"),
        pytest.param([("0055", DONE), ("0055", FAILED)], DONE, id="a second worker that was too late"),
        pytest.param([("0055", FAILED), ("0055", WORKING)], WORKING, id="a failed one is tried again"),
        pytest.param([("0055", FAILED), ("0055", DONE)], DONE, id="and done"),
        pytest.param([("0055", DONE), ("0056", WORKING)], WORKING, id="uploaded anew"),
        pytest.param([("0056", WORKING), ("0055", DONE)], WORKING, id="an older upload that ends late"),
        pytest.param([("0056", DONE), ("0055", WORKING)], DONE, id="an older upload that is delivered late"),
        pytest.param([("0055FF", DONE), ("0056", WORKING)], WORKING, id="a later one that is shorter"),
        pytest.param([("00551", DONE), ("0055", WORKING)], DONE, id="an older one that is shorter"),
        pytest.param([("00ab", DONE), ("00AC", WORKING)], WORKING, id="small and capital digits"),
        pytest.param([("", DONE), ("", WORKING)], DONE, id="the same content without an order"),
        pytest.param([("", DONE), ("0055", WORKING)], DONE, id="its event comes after a backfill"),
        pytest.param([("0055", DONE), ("", WORKING)], DONE, id="a backfill of the same content"),
        pytest.param([("", WORKING), ("", FAILED), ("", DONE)], DONE, id="all of it without an order"),
    ],
)
def test_done_stays_done_until_the_file_is_uploaded_anew(
    lab: Lab, table: str, written: list[tuple[str, str]], ends_as: str
) -> None:
    ours = results(lab, table)
    for sequencer, state_of_it in written:
        ours.write(first(sequencer), state_of_it)
    assert state(lab, table) == ends_as


def test_other_content_without_an_order_starts_anew(lab: Lab, table: str) -> None:
    ours = results(lab, table)
    ours.write(first("", "e1"), DONE)
    ours.write(first("", "e2"), WORKING)
    assert state(lab, table) == WORKING


@pytest.mark.parametrize("asked_for", ["uploads/a", "uploads/"])
def test_a_job_of_another_night_is_written_down_anew(
    lab: Lab, table: str, monkeypatch: pytest.MonkeyPatch, asked_for: str
) -> None:
    settings = lab.settings() | {"QFLEET_RESULTS_TABLE": table}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    work = Work(Settings.from_environment(settings))
    job = json.dumps({"move": asked_for})
    lab.put("uploads/a", b"of the first night")
    work(job)
    assert state(lab, table) == DONE
    # The same job once more, as a queue may deliver it: there is nothing left to move.
    before = record(lab, table, "uploads/a")
    work(job)
    assert record(lab, table, "uploads/a") == before

    lab.put("uploads/a", b"of the second night")
    monkeypatch.setattr(work.mover, "move", fails)
    with pytest.raises(OSError):
        work(job)
    assert (state(lab, table), record(lab, table, "uploads/a")["Detail"]) == (FAILED, "OSError: away")


def fails(upload: Upload) -> str:
    raise OSError("away")


def test_a_worker_writes_down_what_it_moves_and_what_fails(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(visibility_timeout=1, max_receives=1)
    name = new_table(lab)
    lab.notify_queue()
    away = threading.Event()

    def before(method: str, path: str, headers: dict[str, str]) -> None:
        if away.is_set():
            raise ConnectionError

    with between(lab.endpoint, before) as s3:
        worker = lab.start(
            QFLEET_RESULTS_TABLE=name,
            QFLEET_RESULTS_TTL_SECONDS="60",
            AWS_ENDPOINT_URL_S3=s3,
            AWS_MAX_ATTEMPTS="1",
            AWS_EC2_METADATA_SERVICE_ENDPOINT=NOBODY,
        )
        lab.put("uploads/a b+ü.txt")
        eventually(lambda: state(lab, name, "uploads/a b+ü.txt") == DONE, what="the record")
        found = record(lab, name, "uploads/a b+ü.txt")
        assert found["Detail"] == "moved to processed/a b+ü.txt"
        assert found["Worker"] == socket.gethostname()
        away.set()
        lab.send(event(lab, "uploads/b", sequencer="0055"))
        eventually(lambda: state(lab, name, "uploads/b") == FAILED, what="the record of a failure")
    assert "ConnectionClosedError" in record(lab, name, "uploads/b")["Detail"]
    assert worker.popen.poll() is None


@pytest.mark.parametrize("away", ["no such table", "nobody listens"])
def test_a_table_that_is_away_does_not_stop_the_work(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, away: str
) -> None:
    caplog.set_level(logging.INFO, "mover")
    settings = lab.settings() | {"QFLEET_RESULTS_TABLE": "nowhere"}
    if away == "nobody listens":
        settings["AWS_ENDPOINT_URL_DYNAMODB"] = NOBODY
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    lab.put("uploads/a")
    message = {"messageId": "1", "body": event(lab, "uploads/a"), "attributes": {"ApproximateReceiveCount": "1"}}
    answer = Batches(Settings.from_environment(settings)).handle({"Records": [message]}, 60)
    assert answer == {"batchItemFailures": []}
    assert lab.keys() == {"processed/a"}
    warnings = [line for line in caplog.messages if "could not write down that uploads/a is" in line]
    assert len(warnings) == 2


def test_a_function_writes_down_each_message_of_a_batch(
    lab: Lab, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = lab.settings() | {"QFLEET_RESULTS_TABLE": table, "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/02/[$LATEST]6f"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    lab.put("uploads/a")
    bodies = [event(lab, "uploads/a", sequencer="0055"), event(lab, "elsewhere/b", sequencer="0055"), "poison"]
    records = [
        {"messageId": str(number), "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
        for number, body in enumerate(bodies)
    ]
    batches = Batches(Settings.from_environment(settings))
    assert len(batches.handle({"Records": records}, 30)["batchItemFailures"]) == 2
    done, failed = record(lab, table, "uploads/a"), record(lab, table, "elsewhere/b")
    assert (done["State"], done["Worker"]) == (DONE, "2026/01/02/[$LATEST]6f")
    assert (failed["State"], failed["Detail"]) == (FAILED, "BadMessage: elsewhere/b is not under uploads/")
    # The whole batch once more.
    batches.handle({"Records": records}, 30)
    again = record(lab, table, "uploads/a")
    assert (again["State"], again["Detail"]) == (DONE, done["Detail"])
    assert "ExpiresAt" not in again


def test_an_instance_is_named_by_its_id(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with metadata("i-0123") as url:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        assert results(lab, "any").worker == "i-0123"
