"""What the threads share about stopping."""

import threading
import time

from mover.log import log


class Drain:
    def __init__(self) -> None:
        self.begun = threading.Event()
        self.terminating = False
        """The group is terminating this instance and waits for its hook to be completed."""
        self._deadline: float | None = None

    def begin(self, why: str, seconds: float | None = None) -> None:
        """Receive nothing more and finish what is in hand, within `seconds` if there is a limit."""
        if seconds is not None:
            end = time.monotonic() + seconds
            self._deadline = end if self._deadline is None else min(self._deadline, end)
        if not self.begun.is_set():
            self.begun.set()
            limit = "" if seconds is None else f", {seconds:.0f} s left"
            log.info("stopping: %s%s", why, limit)

    def seconds_left(self) -> float:
        if self._deadline is None:
            return float("inf")
        return self._deadline - time.monotonic()
