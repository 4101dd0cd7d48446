"""What is going on: queues, workers, files that wait and that are done, and what the workers say of them."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from page.results import Results
from page.settings import Settings
from page.uploads import key_time

log = logging.getLogger("page")
T = TypeVar("T")

# All visitors share what was read last, so that their number doesn't decide how many requests AWS gets.
SECONDS = 2.0
# All instances of the account and region have to be asked for, 50 at a time: not as often.
SECONDS_OF_WORKERS = 30.0
# Of each prefix: five requests.
MOST_FILES = 5000
# Keys are listed in their order, and those that this page made begin with their time: what is older is left out, so that
# there is room for what is new. Of a day with too many, the last hour is shown.
HOURS = (24, 1)
SHOWN = 50


class State:
    def __init__(self, s3: Any, sqs: Any, autoscaling: Any, results: Results | None, settings: Settings) -> None:
        self._s3, self._sqs, self._autoscaling = s3, sqs, autoscaling
        self._results = results
        self._settings = settings
        self._lock = threading.Lock()
        self._read: dict[str, Any] = {}
        self._until = 0.0
        self._workers: list[str] | None = None
        self._workers_until = 0.0

    def now(self) -> dict[str, Any]:
        with self._lock:
            if time.monotonic() >= self._until:
                self._read = self._fresh()
                self._until = time.monotonic() + SECONDS
            return self._read

    def _fresh(self) -> dict[str, Any]:
        settings = self._settings
        instances = self._instances()
        waiting = _unless_it_fails("uploads", lambda: self._newest(settings.uploads_prefix))
        done = _unless_it_fails("processed files", lambda: self._newest(settings.processed_prefix))
        newest = sorted(done or [], key=lambda file: file["at"], reverse=True)
        return {
            "environment": settings.environment,
            "largest_file": settings.largest_file,
            "stages": [self._stage(name, url, instances) for name, url in settings.feeds],
            "keeps_results": self._results is not None,
            # None where it could not be read.
            "results": self._rows([file["name"] for file in waiting or []], [file["name"] for file in newest]),
            "waiting": None if waiting is None else [file["name"] for file in waiting],
            "done": None if done is None else newest[:SHOWN],
            "done_names": None if done is None else [file["name"] for file in done],
            "done_count": None if done is None else len(done),
            # Whether there are files that aren't named here.
            "more": any(len(files or []) >= MOST_FILES for files in (waiting, done)),
        }

    def _stage(self, name: str, url: str, instances: list[str] | None) -> dict[str, Any]:
        asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = _unless_it_fails(
            f"queue of {name}", lambda: self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)
        )
        depth = answer["Attributes"] if answer else {}
        # CloudFormation names a group after its stack.
        group = f"{self._settings.environment}-{name}-Group-"
        return {
            "name": name,
            "waiting": int(depth[asked[0]]) if depth else None,
            "working": int(depth[asked[1]]) if depth else None,
            "workers": None if instances is None else sum(one.startswith(group) for one in instances),
        }

    def _rows(self, waiting: list[str], done: list[str]) -> list[dict[str, Any]] | None:
        """The results of the newest files, with their names as the page has them."""
        results, prefix = self._results, self._settings.uploads_prefix
        if results is None:
            return []
        # Half of the room for each. Names begin with their time.
        room = max(min(SHOWN, results.most_jobs // 2), 1)
        names = sorted(waiting, reverse=True)[:room] + done[:room]
        rows = _unless_it_fails("results", lambda: results.of([prefix + name for name in names]))
        if rows is None:
            return None
        return [{**row, "name": row["job"].removeprefix(prefix)} for row in rows]

    def _instances(self) -> list[str] | None:
        if time.monotonic() >= self._workers_until:
            self._workers = _unless_it_fails("workers", self._groups_of_instances)
            self._workers_until = time.monotonic() + SECONDS_OF_WORKERS
        return self._workers

    def _groups_of_instances(self) -> list[str]:
        """The groups of the instances that are in service, one for each."""
        pages = self._autoscaling.get_paginator("describe_auto_scaling_instances").paginate()
        all_of_them = (instance for page in pages for instance in page["AutoScalingInstances"])
        return [one["AutoScalingGroupName"] for one in all_of_them if one["LifecycleState"] == "InService"]

    def _newest(self, prefix: str) -> list[dict[str, Any]]:
        for hours in HOURS:
            files = self._files(prefix, prefix + key_time(time.time() - hours * 3600))
            if len(files) < MOST_FILES:
                break
        return files

    def _files(self, prefix: str, after: str) -> list[dict[str, Any]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._settings.bucket, Prefix=prefix, StartAfter=after, PaginationConfig={"MaxItems": MOST_FILES}
        )
        found = (file for page in pages for file in page.get("Contents", []) if not file["Key"].endswith("/"))
        return [
            {"name": file["Key"].removeprefix(prefix), "bytes": file["Size"], "at": file["LastModified"].timestamp()}
            for file in found
        ]


def _unless_it_fails(what: str, read: Callable[[], T]) -> T | None:
    """One read that fails leaves the rest."""
    try:
        return read()
    except Exception as error:
        log.warning("could not read the %s: %s: %s", what, type(error).__name__, error)
        return None
