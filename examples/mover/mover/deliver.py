"""One delivery of a message: worked on, and what came of it said in one line."""

from collections.abc import Callable
from enum import Enum

from mover.events import BadMessage
from mover.log import describe, log


class Outcome(Enum):
    DONE = "done"
    BAD = "bad"
    """No retry could mend it. It is left to the queue's redrive."""
    FAILED = "failed"
    """A later delivery may go well."""


def deliver(message_id: str, deliveries: str, body: str, work: Callable[[str], None]) -> Outcome:
    """`deliveries` is SQS's ApproximateReceiveCount. Raises nothing: one message's trouble must not be the others'."""
    delivery = f"message {message_id}, delivery {deliveries}"
    if deliveries != "1":
        log.info("%s: it was received before and came back", delivery)
    try:
        work(body)
    except BadMessage as error:
        log.error("%s is left to the dead-letter queue: %s: %.200s", delivery, error, body)
        return Outcome.BAD
    except Exception as error:
        log.error("%s failed and will be delivered again: %s", delivery, describe(error))
        return Outcome.FAILED
    return Outcome.DONE
