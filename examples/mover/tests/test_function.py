"""The function: batch by batch in this process, and as Lambda runs it, with a queue in front of it."""

import io
import json
import logging
import threading
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from conftest import NOBODY, PROGRAM, Lab, eventually
from mover.batches import Batches, NothingDone
from mover.events import event_for
from mover.settings import Settings
from mover.work import Work


@pytest.fixture
def batches(lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[..., Batches]:
    """As many threads, and as long for a file, as a test says."""
    caplog.set_level(logging.INFO, "mover")

    def make(**more: str) -> Batches:
        settings = lab.settings() | more
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return Batches(Settings.from_environment(settings))

    return make


def batch(*bodies: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
    records = [
        {"messageId": str(number), "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
        for number, body in enumerate(bodies)
    ]
    return {"Records": records}


def upload(lab: Lab, key: str) -> str:
    lab.put(key)
    return event_for(lab.bucket, key, 7, "x", "us-east-2", "now")


def wrapped(body: str) -> str:
    return json.dumps({"Type": "Notification", "Message": body})


def failed(*numbers: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}


TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "x"})


def test_moves_what_direct_and_wrapped_events_tell_of(lab: Lab, batches: Callable[..., Batches]) -> None:
    bodies = [upload(lab, "uploads/a"), wrapped(upload(lab, "uploads/b c+d.txt")), TEST_EVENT, wrapped(TEST_EVENT)]
    assert batches().handle(batch(*bodies), 30) == failed()
    assert lab.keys() == {"processed/a", "processed/b c+d.txt"}


def test_reports_what_failed_and_nothing_else(
    lab: Lab, batches: Callable[..., Batches], caplog: pytest.LogCaptureFixture
) -> None:
    good = [upload(lab, f"uploads/{number}") for number in range(3)]
    assert batches().handle(batch(good[0], "poison", good[1], good[2]), 30) == failed(1)
    assert lab.keys() == {"processed/0", "processed/1", "processed/2"}
    assert "message 1, delivery 1 is left to the dead-letter queue: the message is not JSON: poison" in caplog.messages


def test_a_second_delivery_of_the_whole_batch_does_no_harm(lab: Lab, batches: Callable[..., Batches]) -> None:
    bodies = batch(upload(lab, "uploads/a"), upload(lab, "uploads/b"))
    for _ in range(2):
        assert batches().handle(bodies, 30) == failed()
    assert lab.keys() == {"processed/a", "processed/b"}


def test_next_stages_hear_of_each_file(lab: Lab, batches: Callable[..., Batches]) -> None:
    following, _ = lab.new_queue("next")
    batches(QFLEET_NEXT_QUEUE_URLS=following).handle(batch(upload(lab, "uploads/a")), 30)
    [message] = lab.sqs.receive_message(QueueUrl=following)["Messages"]
    assert "processed/a" in message["Body"]


def test_a_batch_of_bad_messages_is_no_error_of_the_function(batches: Callable[..., Batches]) -> None:
    assert batches().handle(batch("poison", "venom"), 30) == failed(0, 1)


def test_when_nothing_works_the_function_fails(lab: Lab, batches: Callable[..., Batches]) -> None:
    away = batches(AWS_ENDPOINT_URL_S3=NOBODY, AWS_MAX_ATTEMPTS="1")
    with pytest.raises(NothingDone, match="all 2 messages of a batch failed"):
        away.handle(batch(upload(lab, "uploads/a"), upload(lab, "uploads/b")), 30)
    assert lab.keys() == {"uploads/a", "uploads/b"}


def test_what_it_has_no_time_to_begin_comes_again(
    lab: Lab, batches: Callable[..., Batches], caplog: pytest.LogCaptureFixture
) -> None:
    """A minute's work for each file, and less than a minute left."""
    short = batches(QFLEET_MESSAGES_AT_ONCE="1", MOVER_SECONDS_PER_FILE="60")
    with pytest.raises(NothingDone):
        short.handle(batch(upload(lab, "uploads/a"), upload(lab, "uploads/b")), 59)
    assert lab.keys() == {"uploads/a", "uploads/b"}
    assert [line for line in caplog.messages if "no time is left to begin it" in line] != []


def test_a_file_that_takes_too_long_doesnt_take_the_others_with_it(
    lab: Lab, batches: Callable[..., Batches], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without an answer in time Lambda would have the whole batch delivered again, and in the end given up."""
    ours = batches(QFLEET_MESSAGES_AT_ONCE="1")
    quick, hangs, behind = (upload(lab, f"uploads/{name}") for name in ("quick", "hangs", "behind"))
    begun, go, work = threading.Event(), threading.Event(), ours.work

    def slow(body: str, job: str | None, seconds: float) -> None:
        if body == hangs:
            begun.set()
            go.wait(60)
        work(body, job, seconds)

    ours.work = slow
    # The time is over when one hangs, and not at a moment that a busy machine may miss.
    given: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr("mover.batches.wait", lambda futures, seconds: given.append(seconds) or begun.wait(60))
        assert ours.handle(batch(quick, hangs, behind), 1000) == failed(1, 2)
    assert 900 < given[0] <= 999
    assert lab.keys() == {"processed/quick", "uploads/hangs", "uploads/behind"}
    assert "message 1 isn't done in time and will be delivered again" in caplog.messages
    # Thawed with the next batch, it goes on, beside its own second delivery.
    go.set()
    assert ours.handle(batch(hangs, behind), 1000) == failed()
    eventually(lambda: lab.keys() == {"processed/quick", "processed/hangs", "processed/behind"}, what="the moves")


def test_a_boto3_that_is_too_old_is_named(batches: Callable[..., Batches], monkeypatch: pytest.MonkeyPatch) -> None:
    class Old(Work):
        def __init__(self, settings: Settings) -> None:
            super().__init__(settings)
            self.s3.meta.service_model.operation_model("CopyObject").input_shape.members.pop("IfNoneMatch")

    monkeypatch.setattr("mover.batches.Work", Old)
    with pytest.raises(RuntimeError, match="boto3 .* can't copy on the condition"):
        batches()


def package() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in (PROGRAM / "mover").glob("*.py"):
            archive.write(file, f"mover/{file.name}")
    return packed.getvalue()


@pytest.mark.parametrize("through", ["notify_queue", "notify_through_topic"])
def test_as_lambda_runs_it(new_lab: Callable[..., Lab], through: str) -> None:
    lab = new_lab(visibility_timeout=600, max_receives=2)
    functions = lab.client("lambda")
    settings = {name: value for name, value in lab.settings().items() if not name.startswith("AWS_")}
    functions.create_function(
        FunctionName=lab.name,
        Runtime="python3.13",
        Handler="mover.function.handler",
        Role="arn:aws:iam::111122223333:role/function",
        Timeout=30,
        Code={"ZipFile": package()},
        Environment={"Variables": settings | {"AWS_ENDPOINT_URL": lab.endpoint}},
    )
    functions.create_event_source_mapping(
        FunctionName=lab.name,
        EventSourceArn=lab.queue_arn,
        BatchSize=5,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 2},
    )
    getattr(lab, through)()
    names = [f"file {number}.txt" for number in range(8)]
    for name in names:
        lab.put(f"uploads/{name}", name.encode())
    eventually(lambda: lab.keys() == {f"processed/{name}" for name in names}, what="the move of all files")
    eventually(lambda: lab.waiting() == (0, 0), what="an empty queue")
    assert {lab.get(f"processed/{name}") for name in names} == {name.encode() for name in names}
    # Nothing that is worked on can come back too early now.
    lab.sqs.set_queue_attributes(QueueUrl=lab.queue, Attributes={"VisibilityTimeout": "1"})
    lab.send("poison")
    eventually(lambda: lab.waiting(lab.dead) == (1, 0), what="the redrive")
    assert lab.waiting() == (0, 0)
