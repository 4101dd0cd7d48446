"""Your work: what is done with each message. Change `work`; the rest may stay as it is.

The same message may come twice: doing the work again must do no harm. An exception means that the work failed: the message
comes back later, and after `max_receives` deliveries goes to the dead-letter queue.
"""

import hashlib
import logging
from collections.abc import Iterator

log = logging.getLogger("work")


def work(message: str) -> str | None:
    """Your work: here, it logs the length and the SHA-256 of a message. Returns the message for the stages that come next,
    if there is one."""
    digest = hashlib.sha256(message.encode()).hexdigest()
    log.info("%d characters, %s", len(message), digest)
    return digest


def handle(body: str) -> Iterator[str]:
    """Does the work that a message asks for. What it yields is sent to the stages that come next."""
    result = work(body)
    if result:
        yield result
