"""The program from start to end."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from mover.leases import Leases
from mover.log import log
from mover.receive import Receiver
from mover.settings import Settings
from mover.work import Work


# From the second SIGTERM to SIGKILL it is ten seconds.
LAST_POLL_SECONDS = 8.0


class Worker:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = threading.Event()
        """Receive nothing more, and finish what is in hand."""
        work = Work(settings, self.stopping.is_set)
        self.leases = Leases(work.sqs, settings.queue_url, settings.visibility_timeout)
        self.receiver = Receiver(work.sqs, settings, self.leases, self.stopping, work)
        self._signals = 0

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        log.info(
            "stage %s of %s: moving %s -> %s in %s, %d at once",
            self.settings.stage,
            self.settings.environment,
            self.settings.uploads_prefix,
            self.settings.processed_prefix,
            self.settings.bucket,
            self.settings.messages_at_once,
        )
        if self.settings.seconds_per_file:
            # Nobody should wonder for long why a fleet on AWS is slow.
            log.warning("MOVER_SECONDS_PER_FILE: pretending %g s of work on each file", self.settings.seconds_per_file)
        self._thread("leases", self.leases.keep)
        self.receiver.start()
        self.stopping.wait()
        self._finish()
        log.info("stopped")
        sys.stdout.flush()
        return 0

    def _finish(self) -> None:
        """Waits for what is in hand, or gives it back on a second signal: then there is no time for that."""
        said = False
        while not self.receiver.finished():
            if self._signals > 1:
                log.warning("no time left to finish: %d messages in hand", self.receiver.in_hand())
                self.leases.give_back_all()
                # A request that still waits for messages may have got what was just given back.
                self.receiver.wait(LAST_POLL_SECONDS)
                return
            if not said and self.receiver.in_hand():
                log.info("finishing %d messages in hand", self.receiver.in_hand())
                said = True
            time.sleep(0.1)

    def _on_signal(self, number: int, frame: Any) -> None:
        # No logging here: the signal may have interrupted a log call of this very thread.
        self._signals += 1
        if self._signals == 1:
            self._thread("stop", lambda: self._stop(signal.Signals(number).name))

    def _stop(self, signal_name: str) -> None:
        log.info("stopping: got %s", signal_name)
        self.stopping.set()

    @staticmethod
    def _thread(name: str, target: Callable[[], None]) -> None:
        threading.Thread(target=target, name=name, daemon=True).start()
