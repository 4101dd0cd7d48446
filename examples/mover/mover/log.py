"""One plain line per event on stdout; the log agent and `docker logs` want nothing more."""

import logging
import sys
import time

log = logging.getLogger("mover")


class OneLine(logging.Formatter):
    """Keys may hold any character: a newline in one must not forge a log line."""

    converter = time.gmtime

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def to_stdout() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(OneLine())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def describe(error: Exception) -> str:
    """The error in one line; the SDK's own messages already name operation and cause."""
    return f"{type(error).__name__}: {error}"
