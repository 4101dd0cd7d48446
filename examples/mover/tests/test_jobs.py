"""Jobs of many files: more than there is time for."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import Lab, eventually
from mover.batches import Batches
from mover.settings import Settings
from mover.work import Work


@pytest.fixture
def new_work(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Work]:
    queue, _ = lab.new_queue("replies")
    settings = lab.settings() | {"QFLEET_REPLY_QUEUE_URL": queue}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return lambda *more: Work(Settings.from_environment(settings), *more)


def taken(lab: Lab, queue: str | None = None) -> list[tuple[str, str]]:
    """The bodies and job ids of what is in a queue; taken out of it."""
    found = []
    asked = {"QueueUrl": queue or lab.queue, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
    while messages := lab.sqs.receive_message(**asked).get("Messages", []):
        for message in messages:
            job = message.get("MessageAttributes", {}).get("JobId", {}).get("StringValue", "")
            found.append((message["Body"], job))
            lab.sqs.delete_message(QueueUrl=asked["QueueUrl"], ReceiptHandle=message["ReceiptHandle"])
    return found


def test_a_job_of_more_files_than_there_is_time_for_goes_on_as_another(
    lab: Lab, new_work: Callable[..., Work]
) -> None:
    # The marker of a folder stays: it must not be what every round begins with.
    keys = ["uploads/", "uploads/a", "uploads/b c", "uploads/d/", "uploads/d/1", 'uploads/"'"'"'ü'"'"'"']
    for key in keys:
        lab.put(key, b"" if key.endswith("/") else b"x")
    work, rounds = new_work(), [(json.dumps({"move": "uploads/"}), "one")]
    for body, job in rounds:
        # No time: each round does what it must, which is one file.
        work(body, job, 0)
        rounds += taken(lab)
    assert len(rounds) == len(keys), rounds
    assert {job for _, job in rounds} == {"one"}
    assert lab.keys() == {"uploads/", "uploads/d/"} | {
        key.replace("uploads/", "processed/") for key in keys if not key.endswith("/")
    }
    said = [json.loads(body) for body, _ in taken(lab, work.settings.reply_queue_url)]
    assert said == [{"job": "one", "state": "done", "moved": 4}], "one answer, at its end, of all that was moved"


def test_with_time_it_is_one_job(lab: Lab, new_work: Callable[..., Work]) -> None:
    for name in "abc":
        lab.put(f"uploads/{name}")
    new_work()(json.dumps({"move": "uploads/"}))
    assert (taken(lab), lab.keys()) == ([], {"processed/a", "processed/b", "processed/c"})


def test_who_may_not_send_to_the_own_queue_goes_on(
    lab: Lab, new_work: Callable[..., Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        lab.put(f"uploads/{name}")
    work, said = new_work(lambda: True), []

    def denied(**_: Any) -> None:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
        said.append("AccessDenied")
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no policy allows it"}}, "SendMessage")

    with monkeypatch.context() as only_here:
        only_here.setattr(work.sqs, "send_message", denied)
        work(json.dumps({"move": "uploads/"}), None, 0)
    assert said == ["AccessDenied"], "once for a job"
    assert (taken(lab), lab.keys()) == ([], {"processed/a", "processed/b", "processed/c"})


def test_a_worker_that_is_to_end_leaves_the_rest_of_a_job_to_others(lab: Lab) -> None:
    for number in range(20):
        lab.put(f"uploads/{number:02}")
    worker = lab.start(MOVER_SECONDS_PER_FILE="0.5")
    lab.send(json.dumps({"move": "uploads/"}))
    eventually(lambda: "processed/00" in lab.keys(), what="the first file")
    worker.signal()
    assert worker.ends() == 0
    assert lab.waiting() == (1, 0), "nothing is in flight"
    left = [key for key in sorted(lab.keys()) if key.startswith("uploads/")]
    ((body, _),) = taken(lab)
    moved = 20 - len(left)
    assert json.loads(body) == {"move": "uploads/", "after": f"uploads/{moved - 1:02}", "moved": moved}


def test_the_messages_of_a_batch_share_the_time(lab: Lab, new_work: Callable[..., Work]) -> None:
    batches, shares = Batches(new_work().settings), []
    batches.work = lambda body, job, seconds: shares.append(seconds)  # type: ignore[assignment]
    records: list[dict[str, Any]] = [
        {"messageId": str(number), "body": "{}", "attributes": {"ApproximateReceiveCount": "1"}} for number in range(3)
    ]
    batches.handle({"Records": records}, 301)
    assert len(shares) == 3 and shares[0] <= 100, "what one leaves, the others have"
    assert 100 < shares[1] <= 150 < shares[2] <= 300
