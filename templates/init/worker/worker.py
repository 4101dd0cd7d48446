"""Takes messages from the queue and has `work.py` do what each of them asks for. `work.py` is the file to change.

This is what any worker of a queue needs:

- a message is deleted when its work is done, never before. If the work fails, or the instance goes away, the message
  comes back, and after `max_receives` deliveries goes to the dead-letter queue;
- so the same work may come twice, and doing it twice must do no harm;
- while the work goes on, the message is kept from other workers by extending its visibility timeout;
- each result is told to the stages that come next, before the message is deleted: should this program die in between,
  they hear of it twice, and not never;
- SIGTERM ends the program after the message in hand. It comes when the group scales in, when a new version is deployed,
  and when EC2 takes a spot instance back. There is as long as `drain_timeout`; what isn't done then is delivered again;
- while work fails, or the queue doesn't answer, the program takes its time: a service that is away shouldn't send every
  message to the dead-letter queue.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator

import boto3

import work

QUEUE_URL = os.environ["QFLEET_QUEUE_URL"]
VISIBILITY = int(os.environ["QFLEET_VISIBILITY_TIMEOUT_SECONDS"])
NEXT = os.environ.get("QFLEET_NEXT_QUEUE_URLS", "").split()
# How long one request waits for a message: 20 s is the most, and costs the least. It isn't cut short by SIGTERM: SQS may have
# a message on its way by then, which would be hidden from everybody until its visibility timeout is over. A local fleet says
# 1 here, so that an idle worker ends soon.
WAIT = int(os.environ.get("QFLEET_POLL_SECONDS", "20"))
# Seconds between tries while they fail: twice as long each time, up to this.
LONGEST_PAUSE = 60

log = logging.getLogger("worker")
sqs = boto3.client("sqs")
stop = threading.Event()


@contextlib.contextmanager
def kept(receipt: str) -> Iterator[None]:
    """Keeps a message from other workers until the block ends."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(VISIBILITY / 3):
            try:
                sqs.change_message_visibility(QueueUrl=QUEUE_URL, ReceiptHandle=receipt, VisibilityTimeout=VISIBILITY)
            except Exception:  # the next beat may do better; at worst the message comes twice
                log.exception("could not extend a message's visibility timeout")

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def one(message: dict) -> None:
    with kept(message["ReceiptHandle"]):
        for body in work.handle(message["Body"]):
            for url in NEXT:
                sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])


def main() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    log.info("waiting for messages in %s", QUEUE_URL)
    pause = 0
    while not stop.is_set():
        try:
            answer = sqs.receive_message(QueueUrl=QUEUE_URL, MaxNumberOfMessages=1, WaitTimeSeconds=WAIT)
            for message in answer.get("Messages", []):
                one(message)
            pause = 0
        except Exception:  # no trouble must end the worker; the queue delivers the message again
            pause = min(max(1, pause * 2), LONGEST_PAUSE)
            log.exception("failed; next try in %d s", pause)
            stop.wait(pause)
    log.info("stopped")


if __name__ == "__main__":
    main()
