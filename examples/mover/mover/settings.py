"""The program's settings. They come from environment variables and from nowhere else."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

# SQS keeps a message invisible for twelve hours at most.
LONGEST_VISIBILITY_SECONDS = 12 * 60 * 60


class SettingsError(Exception):
    def __init__(self, problems: list[str]) -> None:
        super().__init__("mover can't start:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Settings:
    environment: str
    stage: str
    region: str
    queue_url: str
    bucket: str
    uploads_prefix: str
    processed_prefix: str
    visibility_timeout: int
    """Seconds."""
    messages_at_once: int = 1
    """Lambda's functions aren't told: they work on a batch's messages one after the other."""
    next_queue_urls: tuple[str, ...] = ()
    results_table: str = ""
    results_ttl_seconds: int = 0
    """0: what is written down is kept for ever."""
    reply_queue_url: str = ""
    """Where replies to jobs go; nowhere when it is empty."""
    poll_seconds: int = 20
    """How long one request waits for messages. 20 is SQS's limit and the cheapest; less ends an idle worker sooner."""
    seconds_per_file: float = 0.0
    """A teaching aid: how long to pretend to work on each file, so that a backlog builds up and can be watched."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        reader = _Reader(environment)
        settings = cls(
            environment=reader.required("QFLEET_ENVIRONMENT"),
            stage=reader.required("QFLEET_STAGE"),
            region=reader.required("AWS_REGION"),
            queue_url=reader.url("QFLEET_QUEUE_URL"),
            bucket=reader.required("QFLEET_BUCKET"),
            uploads_prefix=reader.required("QFLEET_UPLOADS_PREFIX"),
            processed_prefix=reader.required("QFLEET_PROCESSED_PREFIX"),
            visibility_timeout=reader.number(
                "QFLEET_VISIBILITY_TIMEOUT_SECONDS", 1, LONGEST_VISIBILITY_SECONDS
            ),
            messages_at_once=reader.number("QFLEET_MESSAGES_AT_ONCE", 1, 1000, default=cls.messages_at_once),
            next_queue_urls=tuple(environment.get("QFLEET_NEXT_QUEUE_URLS", "").split()),
            results_table=environment.get("QFLEET_RESULTS_TABLE", ""),
            results_ttl_seconds=reader.number("QFLEET_RESULTS_TTL_SECONDS", 1, 10**10, default=0),
            reply_queue_url=environment.get("QFLEET_REPLY_QUEUE_URL", ""),
            poll_seconds=reader.number(
                "MOVER_POLL_SECONDS", 0, 20, default=reader.number("QFLEET_POLL_SECONDS", 0, 20, default=cls.poll_seconds)
            ),
            seconds_per_file=reader.seconds("MOVER_SECONDS_PER_FILE", 3600, default=cls.seconds_per_file),
        )
        uploads, processed = settings.uploads_prefix, settings.processed_prefix
        # A file put under the watched prefix makes an event of its own, and so on for ever.
        if uploads and processed and (uploads.startswith(processed) or processed.startswith(uploads)):
            reader.problems.append(
                f"QFLEET_UPLOADS_PREFIX ({uploads!r}) and QFLEET_PROCESSED_PREFIX ({processed!r}) must not overlap"
            )
        for url in settings.next_queue_urls:
            reader.check_url("QFLEET_NEXT_QUEUE_URLS", url)
        if settings.reply_queue_url:
            reader.check_url("QFLEET_REPLY_QUEUE_URL", settings.reply_queue_url)
        if reader.problems:
            raise SettingsError(reader.problems)
        return settings


class _Reader:
    """Collects all problems, so that one failed start names them all."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[str] = []

    def required(self, name: str) -> str:
        value = self.environment.get(name, "")
        if not value:
            self.problems.append(f"{name} is not set")
        return value

    def url(self, name: str) -> str:
        value = self.required(name)
        if value:
            self.check_url(name, value)
        return value

    def check_url(self, name: str, value: str) -> None:
        if not value.startswith(("https://", "http://")):
            self.problems.append(f"{name} must be a queue's URL, not {value!r}")

    def number(self, name: str, least: int, most: int, default: int | None = None) -> int:
        value = self.environment.get(name, "")
        if not value and default is not None:
            return default
        value = value or self.required(name)
        if value:
            if value.isascii() and value.isdigit() and least <= int(value) <= most:
                return int(value)
            self.problems.append(f"{name} must be a whole number from {least} to {most}, not {value!r}")
        return least

    def seconds(self, name: str, most: int, default: float) -> float:
        value = self.environment.get(name, "")
        if not value:
            return default
        # float() alone would take "1_0", "1e3" and "nan", too.
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value, re.ASCII) and float(value) <= most:
            return float(value)
        self.problems.append(f"{name} must be a number from 0 to {most}, not {value!r}")
        return default
