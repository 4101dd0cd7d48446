"""Polls the queue and hands each message to a thread. Never takes more than there are threads free to work."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from mover.deliver import Outcome, deliver
from mover.leases import Leases
from mover.log import describe, log
from mover.reply import JOB_ID
from mover.settings import Settings

Message = dict[str, Any]

MOST_PER_POLL = 10  # SQS's limit
LONGEST_PAUSE = 30


class Receiver:
    def __init__(
        self, sqs: Any, settings: Settings, leases: Leases, stopping: threading.Event, work: Callable[[str, str | None], None]
    ) -> None:
        """`work` gets a message's body, and the id of its job, if it has one. When it returns, the message is done and deleted; when it raises, the
        message is left: it comes back when its timeout ends, and after too many deliveries goes to the dead letters.
        """
        self.sqs = sqs
        self.settings = settings
        self.leases = leases
        self.stopping = stopping
        self.work = work
        self._received: queue.SimpleQueue[tuple[Message, float]] = queue.SimpleQueue()
        self._free = settings.messages_at_once
        self._changed = threading.Condition()
        # Messages in a row that failed. While a service is away, nothing is gained by receiving one after the other:
        # all of them would go to the dead letters.
        self._failed = 0
        self._poller = threading.Thread(target=self._poll, name="poll", daemon=True)

    def start(self) -> None:
        # Daemons: a process that gave its messages back must be able to end beside work that hangs.
        for number in range(self.settings.messages_at_once):
            threading.Thread(target=self._works, name=f"work-{number}", daemon=True).start()
        self._poller.start()

    def finished(self) -> bool:
        """When it is stopping: nothing is in hand, and nothing can come any more."""
        with self._changed:
            return self._free == self.settings.messages_at_once and not self._poller.is_alive()

    def wait(self, seconds: float) -> None:
        """When it is stopping: until nothing can come any more, which is then given back already."""
        self._poller.join(seconds)

    def in_hand(self) -> int:
        with self._changed:
            return self.settings.messages_at_once - self._free

    def _poll(self) -> None:
        unanswered = 0
        while True:
            with self._changed:
                # Woken by a thread that becomes free, and from time to time to see whether to stop.
                while self._free == 0 and not self.stopping.is_set():
                    self._changed.wait(0.5)
                room = min(self._free, MOST_PER_POLL)
            pause = _pause(max(unanswered, self._failed))
            if pause:
                log.info("next try in %d s", pause)
            if self.stopping.wait(pause):
                return
            try:
                messages = self._receive(room)
                unanswered = 0
            except Exception as error:  # whatever it is, a worker that waits is better than one that dies
                log.warning("could not receive: %s", describe(error))
                unanswered += 1
                continue
            if self.stopping.is_set():
                self.leases.give_back(messages)
                return
            received = time.monotonic()
            with self._changed:
                self._free -= len(messages)
            for message in messages:
                self._received.put((message, received))

    def _receive(self, room: int) -> list[Message]:
        answer = self.sqs.receive_message(
            QueueUrl=self.settings.queue_url,
            MaxNumberOfMessages=room,
            WaitTimeSeconds=self.settings.poll_seconds,
            # The queue's own, unless somebody has changed it since: then the heartbeat would come too late.
            VisibilityTimeout=self.settings.visibility_timeout,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
            MessageAttributeNames=[JOB_ID],
        )
        return answer.get("Messages", [])

    def _works(self) -> None:
        while True:
            message, received = self._received.get()
            try:
                self._one(message, received)
            finally:
                with self._changed:
                    self._free += 1
                    self._changed.notify_all()

    def _one(self, message: Message, received: float) -> None:
        job = message.get("MessageAttributes", {}).get(JOB_ID, {}).get("StringValue")

        def work(body: str) -> None:
            with self.leases.hold(message, received):
                self.work(body, job)
            self.sqs.delete_message(QueueUrl=self.settings.queue_url, ReceiptHandle=message["ReceiptHandle"])

        deliveries = message["Attributes"]["ApproximateReceiveCount"]
        match deliver(message["MessageId"], deliveries, message["Body"], work):
            case Outcome.DONE:
                self._failed = 0
            case Outcome.FAILED:
                with self._changed:
                    self._failed += 1


def _pause(failures: int) -> int:
    """Seconds before the next try: twice as many after each failure in a row."""
    return min(2 ** min(failures - 1, 10), LONGEST_PAUSE) if failures else 0
