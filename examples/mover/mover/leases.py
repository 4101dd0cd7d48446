"""Keeps messages invisible to other workers for as long as they are worked on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mover.log import describe, log
from mover.settings import LONGEST_VISIBILITY_SECONDS

BATCH = 10  # SQS's limit


@dataclass(eq=False)
class Lease:
    message_id: str
    receipt: str
    received: float
    due: float
    """When to extend it next. Infinity: no more."""


class Leases:
    def __init__(self, sqs: Any, queue_url: str, timeout: int, longest: int = LONGEST_VISIBILITY_SECONDS) -> None:
        self.sqs = sqs
        self.queue_url = queue_url
        self.timeout = timeout
        self.longest = longest
        self._held: set[Lease] = set()
        self._lock = threading.Lock()
        # Held during calls, so that an extension can't overtake the giving back.
        self._calling = threading.Lock()
        self._closed = False

    @contextmanager
    def hold(self, message: dict[str, Any], received: float) -> Iterator[None]:
        lease = Lease(message["MessageId"], message["ReceiptHandle"], received, received + self.timeout / 3)
        with self._lock:
            self._held.add(lease)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(lease)

    def keep(self) -> None:
        """Runs for ever, in a thread of its own."""
        while True:
            # A third of the timeout leaves room for one failed call. The finer beat catches leases taken meanwhile.
            time.sleep(min(1.0, self.timeout / 12))
            try:
                self.extend_due()
            except Exception as error:  # the network, a throttle: the next beat tries again
                log.warning("could not extend visibility: %s", describe(error))

    def extend_due(self) -> None:
        with self._calling:
            if self._closed:
                return
            now = time.monotonic()
            with self._lock:
                due = [lease for lease in self._held if lease.due <= now]
            for batch in _batches(due):
                self._extend(batch, now)

    def _extend(self, batch: list[Lease], now: float) -> None:
        seconds = {}
        for lease in batch:
            # SQS counts the limit from the moment of receiving and refuses what goes beyond it.
            rest = int(self.longest - (now - lease.received))
            seconds[lease] = max(0, min(self.timeout, rest))
            if rest <= self.timeout:
                log.warning("message %s can't be kept for longer than %d s", lease.message_id, self.longest)
        for lease, error in self._change({lease: s for lease, s in seconds.items() if s > 0}).items():
            with self._lock:
                if lease in self._held:
                    log.warning("message %s may be delivered again: %s", lease.message_id, error)
        for lease in batch:
            # Also after a failure that SQS answered: a lapsed receipt doesn't come back.
            lease.due = float("inf") if seconds[lease] < self.timeout else now + self.timeout / 3

    def give_back(self, messages: list[dict[str, Any]]) -> None:
        """Messages that nobody has begun to work on, for others to have at once."""
        now = time.monotonic()
        self._give_back([Lease(m["MessageId"], m["ReceiptHandle"], now, now) for m in messages])

    def give_back_all(self) -> None:
        """Ends all leases. Work that goes on meanwhile does no harm: a second delivery finds it done."""
        with self._calling:
            self._closed = True
            with self._lock:
                held = list(self._held)
        self._give_back(held)

    def _give_back(self, leases: list[Lease]) -> None:
        for batch in _batches(leases):
            try:
                failed = self._change(dict.fromkeys(batch, 0))
                for lease in batch:
                    log.info("gave message %s back%s", lease.message_id, f": {failed[lease]}" if lease in failed else "")
            except Exception as error:  # it comes back by itself when its timeout ends
                log.warning("could not give %d messages back: %s", len(batch), describe(error))

    def _change(self, seconds: dict[Lease, int]) -> dict[Lease, str]:
        """Returns what SQS refused, and why."""
        if not seconds:
            return {}
        leases = list(seconds)
        answer = self.sqs.change_message_visibility_batch(
            QueueUrl=self.queue_url,
            Entries=[
                {"Id": str(i), "ReceiptHandle": lease.receipt, "VisibilityTimeout": seconds[lease]}
                for i, lease in enumerate(leases)
            ],
        )
        return {leases[int(f["Id"])]: f.get("Message") or f["Code"] for f in answer.get("Failed", [])}


def _batches(leases: list[Lease]) -> list[list[Lease]]:
    return [leases[i : i + BATCH] for i in range(0, len(leases), BATCH)]
