"""The page's settings. They come from environment variables and from nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

MIB = 1 << 20


class SettingsError(Exception):
    def __init__(self, problems: list[str]) -> None:
        super().__init__("the page can't start:\n" + "\n".join(f"  {problem}" for problem in problems))


@dataclass(frozen=True)
class Settings:
    port: int
    environment: str
    region: str
    bucket: str
    uploads_prefix: str
    processed_prefix: str
    feeds: tuple[tuple[str, str], ...] = ()
    """Stages and the URLs of their queues."""
    results_table: str = ""
    """In which workers write down what becomes of each file; none where they don't."""
    largest_file: int = 100 * MIB
    """In bytes."""
    emulator: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        problems: list[str] = []

        def required(name: str) -> str:
            value = environment.get(name, "")
            if not value:
                problems.append(f"{name} is not set")
            return value

        def number(name: str, least: int, most: int, default: str) -> int:
            value = environment.get(name, default)
            if value.isascii() and value.isdigit() and least <= int(value) <= most:
                return int(value)
            problems.append(f"{name} must be a whole number from {least} to {most}, not {value!r}")
            return least

        feeds = []
        for word in environment.get("QFLEET_FEEDS", "").split():
            stage, _, url = word.partition("=")
            if not url.startswith(("https://", "http://")):
                problems.append(f"QFLEET_FEEDS must be words like stage=https://…, not {word!r}")
            feeds.append((stage, url))
        settings = cls(
            port=number("PORT", 1, 65535, ""),
            environment=required("QFLEET_ENVIRONMENT"),
            region=required("AWS_REGION"),
            bucket=required("QFLEET_BUCKET"),
            uploads_prefix=required("QFLEET_UPLOADS_PREFIX"),
            processed_prefix=required("QFLEET_PROCESSED_PREFIX"),
            feeds=tuple(feeds),
            results_table=environment.get("QFLEET_RESULTS_TABLE", ""),
            # What one POST to S3 may hold: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
            largest_file=number("PAGE_LARGEST_MIB", 1, 5120, "100") * MIB,
            emulator="AWS_ENDPOINT_URL" in environment,
        )
        if problems:
            raise SettingsError(problems)
        return settings
