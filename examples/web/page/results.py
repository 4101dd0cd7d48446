"""What became of files, as the workers wrote it down in the environment's table of results."""

import time
from typing import Any

# What BatchGetItem takes at once (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html),
# and how often it is asked in one look: so many records are on the page at most.
BATCH = 100
MOST_REQUESTS = 4
# The row of a file that is done stays as it is: each file has a name of its own, and is uploaded once.
DONE = "done"


class Results:
    """Reads the records of files by their keys: never the whole table."""

    def __init__(self, dynamodb: Any, table: str, stages: tuple[str, ...]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._stages = stages
        self._done: dict[tuple[str, str], dict[str, Any]] = {}

    @property
    def most_jobs(self) -> int:
        """The records of so many files are read in one look."""
        return BATCH * MOST_REQUESTS // max(len(self._stages), 1)

    def of(self, jobs: list[str]) -> list[dict[str, Any]]:
        """The records of these jobs in all stages, the newest first. What DynamoDB leaves out for now comes at another look."""
        wanted = [(job, stage) for job in dict.fromkeys(jobs) for stage in self._stages][: BATCH * MOST_REQUESTS]
        found = {key: self._done[key] for key in wanted if key in self._done}
        missing = [key for key in wanted if key not in found]
        for start in range(0, len(missing), BATCH):
            keys = [{"Job": {"S": job}, "Stage": {"S": stage}} for job, stage in missing[start : start + BATCH]]
            answer = self._dynamodb.batch_get_item(RequestItems={self._table: {"Keys": keys}})
            for item in answer["Responses"].get(self._table, []):
                found[(text(item, "Job"), text(item, "Stage"))] = item
        self._done = {key: item for key, item in found.items() if text(item, "State") == DONE}
        now = time.time()
        rows = [row(item) for item in found.values() if not is_over(item, now)]
        return sorted(rows, key=lambda one: (one["at"], one["job"], one["stage"]), reverse=True)


def row(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "job": text(item, "Job"),
        "stage": text(item, "Stage"),
        "state": text(item, "State"),
        "at": text(item, "UpdatedAt"),
        "detail": text(item, "Detail"),
    }


def text(item: dict[str, Any], name: str) -> str:
    """Empty where a worker wrote something else, or nothing."""
    return str(item.get(name, {}).get("S", ""))


def is_over(item: dict[str, Any], now: float) -> bool:
    """DynamoDB takes up to some days to delete what has expired
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ttl-expired-items.html)."""
    expires = item.get("ExpiresAt", {}).get("N", "")
    return expires.isascii() and expires.isdigit() and int(expires) <= now
