"""The worker as a process, from upload to empty queues."""

import signal
import threading
import time
from collections.abc import Callable

import pytest
from conftest import NOBODY, Lab, eventually
from mover.events import event_for, uploads_in
from servers import between

NAMES = ["plain.txt", "two words.txt", "1+1=2 & 100%.txt", "\"it's\" <odd>.txt", "😀/ü/日本.txt", "a/b/c//d.txt", "?#;:@$.txt"]


@pytest.mark.parametrize("through", ["notify_queue", "notify_through_topic"])
def test_moves_every_file_whatever_its_name(lab: Lab, through: str) -> None:
    getattr(lab, through)()
    worker = lab.start()
    files = {f"{name}": name.encode() for name in NAMES} | {"empty": b"", "big.bin": b"\0\xff" * 10 * 1024**2}
    for name, body in files.items():
        lab.put(f"uploads/{name}", body)
    eventually(lambda: lab.keys() == {f"processed/{name}" for name in files}, what="the move of all files")
    assert {name: lab.get(f"processed/{name}") for name in files} == files
    eventually(lambda: lab.waiting() == (0, 0), what="an empty queue")
    assert lab.waiting(lab.dead) == (0, 0)
    worker.says("moved uploads/plain.txt -> processed/plain.txt 9 bytes in ")
    worker.signal()
    assert worker.ends() == 0


def test_a_poison_message_ends_in_the_dead_letters_and_stops_nobody(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(visibility_timeout=3, max_receives=2)
    lab.notify_queue()
    worker = lab.start()
    lab.send("poison\nsecond line")
    lab.put("uploads/good")
    eventually(lambda: lab.waiting(lab.dead) == (1, 0), what="the redrive")
    eventually(lambda: lab.keys() == {"processed/good"}, what="the move")
    worker.says("delivery 2 is left to the dead-letter queue: the message is not JSON: poison\\nsecond line")


def test_an_upload_during_the_deletion_is_moved_too(lab: Lab) -> None:
    """Through the whole program: the new file arrives after the copy, just before the old one's deletion."""
    deletions: list[str] = []

    def before(method: str, path: str, headers: dict[str, str]) -> None:
        if method == "DELETE":
            deletions.append(headers["if-match"])
            if len(deletions) == 1:
                lab.put("uploads/a", b"new")

    lab.notify_queue()
    with between(lab.endpoint, before) as s3:
        worker = lab.start(AWS_ENDPOINT_URL_S3=s3)
        lab.put("uploads/a", b"old")
        eventually(lambda: lab.keys() == {"processed/a"} and lab.waiting() == (0, 0), what="the move")
        worker.says("changed while it was being moved")
    assert lab.get("processed/a") == b"new"
    assert lab.waiting(lab.dead) == (0, 0)


def test_next_stages_hear_of_each_file(lab: Lab) -> None:
    lab.notify_queue()
    following = [lab.new_queue(name)[0] for name in ("next-1", "next-2")]
    lab.start(QFLEET_NEXT_QUEUE_URLS=" ".join(following))
    lab.put("uploads/a b+😀.txt")
    for url in following:
        answer = lab.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
        [upload] = uploads_in(answer["Messages"][0]["Body"])
        assert upload.key == "processed/a b+😀.txt"
        assert lab.get(upload.key) == b"content"


class SlowCopies:
    """Holds copies up until they are let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def __call__(self, method: str, path: str, headers: dict[str, str]) -> None:
        if "x-amz-copy-source" in headers:
            self.begun.release()
            self.go.wait(120)

    def wait_for(self, number: int) -> None:
        for _ in range(number):
            assert self.begun.acquire(timeout=60)


def test_takes_no_more_than_it_can_work_on(lab: Lab) -> None:
    lab.notify_queue()
    slow = SlowCopies()
    with between(lab.endpoint, slow) as s3:
        for number in range(5):
            lab.put(f"uploads/{number}")
        lab.start(AWS_ENDPOINT_URL_S3=s3, QFLEET_MESSAGES_AT_ONCE="2")
        slow.wait_for(2)
        time.sleep(1.5)
        assert lab.waiting() == (3, 2)
        slow.go.set()
        eventually(lambda: lab.waiting() == (0, 0), what="the rest")
    assert lab.keys() == {f"processed/{number}" for number in range(5)}


def test_finishes_work_in_hand_on_sigterm(new_lab: Callable[..., Lab]) -> None:
    # The work takes longer than the visibility timeout, also while the worker drains.
    lab = new_lab(visibility_timeout=2)
    lab.notify_queue()
    slow = SlowCopies()
    with between(lab.endpoint, slow) as s3:
        worker = lab.start(AWS_ENDPOINT_URL_S3=s3)
        lab.put("uploads/in hand")
        slow.wait_for(1)
        worker.signal(signal.SIGTERM)
        worker.says("stopping: got SIGTERM")
        lab.put("uploads/too late")
        time.sleep(3)
        assert worker.popen.poll() is None
        eventually(lambda: lab.waiting() == (1, 1), what="only one message in hand")
        slow.go.set()
        assert worker.ends() == 0
    assert lab.keys() == {"processed/in hand", "uploads/too late"}
    assert lab.waiting() == (1, 0)


def test_gives_work_back_on_a_second_signal(lab: Lab) -> None:
    lab.notify_queue()
    slow = SlowCopies()
    with between(lab.endpoint, slow) as s3:
        worker = lab.start(AWS_ENDPOINT_URL_S3=s3)
        for name in ("a", "b"):
            lab.put(f"uploads/{name}")
        slow.wait_for(2)
        worker.signal(signal.SIGINT)
        worker.says("finishing 2 messages in hand")
        worker.signal(signal.SIGTERM)
        assert worker.ends() == 0
        assert lab.waiting() == (2, 0)
        assert lab.keys() == {"uploads/a", "uploads/b"}
        slow.go.set()


def test_lives_through_trouble_with_the_queue(lab: Lab) -> None:
    worker = lab.start(AWS_ENDPOINT_URL_SQS=NOBODY, AWS_MAX_ATTEMPTS="1")
    worker.says("could not receive")
    for pause in (1, 2):
        worker.says(f"next try in {pause} s")
    assert worker.popen.poll() is None
    worker.signal()
    assert worker.ends() == 0


def test_while_s3_is_away_the_queue_keeps_its_messages(new_lab: Callable[..., Lab]) -> None:
    """One after the other they would be received, fail, and in the end go to the dead letters."""
    lab = new_lab(visibility_timeout=600)
    for number in range(10):
        lab.send(event_for(lab.bucket, f"uploads/{number}", 1, "x", "us-east-2", "now"))
    worker = lab.start(AWS_ENDPOINT_URL_S3=NOBODY, AWS_MAX_ATTEMPTS="1", QFLEET_MESSAGES_AT_ONCE="1")
    worker.says("next try in 2 s")
    worker.signal()
    assert worker.ends() == 0
    failure = "failed and will be delivered again"
    assert worker.log().partition("next try in 2 s")[0].count(failure) == 2
    failed = worker.log().count(failure)
    assert lab.waiting() == (10 - failed, failed)


def test_a_failing_file_fails_alone_and_is_tried_again(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(visibility_timeout=3, max_receives=2)
    worker = lab.start()
    lab.send(event_for("somebody-elses-bucket", "uploads/a", 1, "x", "us-east-2", "now"))
    lab.put("uploads/b")
    lab.send(event_for(lab.bucket, "uploads/b", 1, "x", "us-east-2", "now"))
    eventually(lambda: lab.waiting(lab.dead) == (1, 0), what="the redrive")
    eventually(lambda: lab.keys() == {"processed/b"}, what="the move")
    worker.says("this worker serves")


def test_what_a_killed_worker_had_in_hand_comes_back(new_lab: Callable[..., Lab]) -> None:
    lab = new_lab(visibility_timeout=4)
    lab.notify_queue()
    first = lab.start(MOVER_SECONDS_PER_FILE="3600")
    first.says("pretending 3600 s of work on each file")
    lab.put("uploads/a")
    eventually(lambda: lab.waiting() == (0, 1), what="the first delivery")
    first.signal(signal.SIGKILL)
    first.ends()
    assert lab.keys() == {"uploads/a"}
    second = lab.start()
    eventually(lambda: lab.keys() == {"processed/a"} and lab.waiting() == (0, 0), what="the move")
    assert "delivery 2: it was received before and came back" in second.log()
    assert "pretending" not in second.log()
