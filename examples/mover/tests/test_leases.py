import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import pytest
from conftest import Lab
from mover.leases import Leases


def receive(lab: Lab, wait: int = 0) -> list[dict]:
    return lab.sqs.receive_message(QueueUrl=lab.queue, WaitTimeSeconds=wait).get("Messages", [])


def test_a_message_stays_invisible_while_it_is_worked_on_and_comes_back_afterwards(new_lab) -> None:
    lab: Lab = new_lab(visibility_timeout=5)
    leases = Leases(lab.sqs, lab.queue, timeout=5)
    threading.Thread(target=leases.keep, daemon=True).start()
    lab.send("work")
    [message] = receive(lab)
    with leases.hold(message, time.monotonic()):
        assert receive(lab, wait=8) == []
    [again] = receive(lab, wait=20)
    assert again["MessageId"] == message["MessageId"]


def test_messages_given_back_are_there_at_once_and_stay(lab: Lab) -> None:
    leases = Leases(lab.sqs, lab.queue, timeout=30)
    for number in range(12):
        lab.send(str(number))
    held = [message for _ in range(12) for message in receive(lab)]
    assert lab.waiting() == (0, 12)
    with ExitStack() as work:
        for message in held[:11]:
            work.enter_context(leases.hold(message, time.monotonic() - 20))
        leases.give_back(held[11:])
        leases.give_back_all()
        # An extension that was due must not take them away again.
        leases.extend_due()
        assert lab.waiting() == (12, 0)


class Queue:
    """Answers like SQS; remembers what it was asked."""

    def __init__(self, refuses: bool = False) -> None:
        self.asked: list[int] = []
        self.refuses = refuses

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict]) -> dict:
        self.asked += [entry["VisibilityTimeout"] for entry in Entries]
        failed = [{"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid"} for entry in Entries]
        return {"Failed": failed if self.refuses else []}


@contextmanager
def held(sqs: Queue, seconds_ago: float) -> Iterator[Leases]:
    leases = Leases(sqs, "https://queue", timeout=30, longest=100)
    now = time.monotonic()
    # A clock that stands still.
    with patch("mover.leases.time.monotonic", lambda: now):
        with leases.hold({"MessageId": "1", "ReceiptHandle": "r"}, now - seconds_ago):
            yield leases


@pytest.mark.parametrize(
    ("seconds_ago", "asked"),
    [(9, []), (11, [30]), (69, [30]), (85, [15]), (101, [])],
    ids=["not due", "due after a third", "last full one", "what is left of SQS's limit", "beyond the limit"],
)
def test_extends_after_a_third_and_within_the_limit_of_sqs(seconds_ago: float, asked: list[int]) -> None:
    sqs = Queue()
    with held(sqs, seconds_ago) as leases:
        leases.extend_due()
        leases.extend_due()  # nothing is due a moment later
    assert sqs.asked == asked


def test_a_message_that_was_lost_is_said_so(caplog: pytest.LogCaptureFixture) -> None:
    with held(Queue(refuses=True), 11) as leases:
        leases.extend_due()
    assert caplog.messages == ["message 1 may be delivered again: ReceiptHandleIsInvalid"]
