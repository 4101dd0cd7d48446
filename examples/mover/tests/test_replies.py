"""Jobs that somebody asked for: done, and answered where they carry an id."""

import json
from typing import Any

import pytest
from conftest import Lab, eventually
from mover.batches import Batches
from mover.events import BadMessage
from mover.settings import Settings
from mover.work import Work


def ask(lab: Lab, body: Any, job: str | None = None) -> None:
    more = {"MessageAttributes": {"JobId": {"DataType": "String", "StringValue": job}}} if job else {}
    lab.sqs.send_message(QueueUrl=lab.queue, MessageBody=json.dumps(body), **more)


def replies(lab: Lab, queue: str) -> dict[str, Any]:
    """What was said of each job, by the id in the attribute. Takes them out of the queue."""
    said: dict[str, Any] = {}
    while messages := lab.sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages", []):
        for message in messages:
            said[message["MessageAttributes"]["JobId"]["StringValue"]] = json.loads(message["Body"])
            lab.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return said


@pytest.fixture
def work(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Work:
    queue, _ = lab.new_queue("replies")
    settings = lab.settings() | {"QFLEET_REPLY_QUEUE_URL": queue}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Work(Settings.from_environment(settings))


def test_a_worker_answers_what_it_has_done_and_what_it_cant_do(lab: Lab) -> None:
    queue, _ = lab.new_queue("replies")
    for name in ("a", "b/1", "b/2"):
        lab.put(f"uploads/{name}")
    ask(lab, {"move": "uploads/a"}, "one")
    ask(lab, {"move": "uploads/b/"}, "many")
    ask(lab, {"move": "uploads/nothing"}, "none")
    ask(lab, {"move": "elsewhere/a"}, "bad")
    worker = lab.start(QFLEET_REPLY_QUEUE_URL=queue)
    eventually(lambda: lab.waiting(queue) == (4, 0) and lab.waiting() == (0, 0), what="an answer to each")
    assert replies(lab, queue) == {
        "one": {"job": "one", "state": "done", "moved": 1},
        "many": {"job": "many", "state": "done", "moved": 2},
        "none": {"job": "none", "state": "done", "moved": 0},
        "bad": {"job": "bad", "state": "failed", "reason": "elsewhere/a is not under uploads/"},
    }
    assert lab.keys() == {"processed/a", "processed/b/1", "processed/b/2"}
    assert lab.waiting(lab.dead) == (0, 0), "who asked was told"
    worker.says("job bad can't be done, and its sender is told: elsewhere/a is not under uploads/")


def test_nobody_is_answered_who_didnt_ask(lab: Lab, work: Work) -> None:
    lab.put("uploads/a")
    work(json.dumps({"move": "uploads/a"}))
    with pytest.raises(BadMessage):
        work("poison")
    assert replies(lab, work.settings.reply_queue_url) == {}


def test_without_a_queue_for_replies_a_bad_job_is_a_dead_letter(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in lab.settings().items():
        monkeypatch.setenv(name, value)
    work = Work(Settings.from_environment(lab.settings()))
    with pytest.raises(BadMessage):
        work("poison", "1")


def test_a_job_that_comes_twice_is_answered_twice(lab: Lab, work: Work) -> None:
    lab.put("uploads/a")
    for _ in range(2):
        work(json.dumps({"move": "uploads/a"}), "1")
    assert lab.waiting(work.settings.reply_queue_url) == (2, 0)


def test_no_answer_means_not_done(lab: Lab, work: Work) -> None:
    """The message must come again, or who waits would wait for ever."""
    lab.put("uploads/a")
    lab.sqs.delete_queue(QueueUrl=work.settings.reply_queue_url)
    with pytest.raises(lab.sqs.exceptions.QueueDoesNotExist):
        work(json.dumps({"move": "uploads/a"}), "1")


def test_a_function_answers_by_the_ids_of_its_batch(lab: Lab, work: Work) -> None:
    lab.put("uploads/a")
    attributes = {"JobId": {"stringValue": "1", "dataType": "String"}}
    records = [
        {"messageId": "a", "body": json.dumps({"move": "uploads/a"}), "messageAttributes": attributes},
        {"messageId": "b", "body": "poison", "messageAttributes": {}},
    ]
    for record in records:
        record["attributes"] = {"ApproximateReceiveCount": "1"}
    assert Batches(work.settings).handle({"Records": records}, 30) == {
        "batchItemFailures": [{"itemIdentifier": "b"}]
    }
    assert replies(lab, work.settings.reply_queue_url) == {"1": {"job": "1", "state": "done", "moved": 1}}
