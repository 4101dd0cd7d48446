"""Names, links and settings by themselves."""

import time
from datetime import datetime, timezone
from typing import Any

import pytest

from conftest import settings
from page.results import BATCH, MOST_REQUESTS, Results
from page.settings import Settings, SettingsError
from page.state import MOST_FILES, State
from page.uploads import MOST_A_MINUTE, Links, TooMany, key_name, key_time


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\a.png", "a.png"),
        ("Été à la mer.JPG", "Ete-a-la-mer.JPG"),
        ("<img src=x onerror=alert(1)>", "img-src-x-onerror-alert-1"),
        ("..", "file"),
        ("写真", "file"),
        ("a\nb\x00c", "a-b-c"),
        ("x" * 300 + ".png", "x" * 96 + ".png"),
    ],
)
def test_of_a_name_stays_what_is_harmless(name: str, end: str) -> None:
    _, _, found = key_name(name).split("-", 2)
    assert found == end


def test_the_same_name_twice_is_two_keys() -> None:
    assert key_name("a") != key_name("a")


class Signer:
    def generate_presigned_post(self, bucket: str, key: str, **more: Any) -> dict[str, Any]:
        return {"url": "https://bucket", "fields": {"key": key}}


def test_links_are_bounded_and_come_back_with_time() -> None:
    now = [0.0]
    settled = Settings.from_environment(settings(8080, "files", "http://queue"))
    links = Links(Signer(), settled, lambda: now[0])
    for _ in range(MOST_A_MINUTE):
        links.make("a")
    with pytest.raises(TooMany):
        links.make("a")
    now[0] = 60.0
    for _ in range(MOST_A_MINUTE):
        links.make("a")
    with pytest.raises(TooMany):
        links.make("a")


class Away:
    def __getattr__(self, name: str) -> Any:
        raise OSError("nobody answers")


def test_what_cannot_be_read_is_unknown_and_nothing_else() -> None:
    settled = Settings.from_environment(settings(8080, "files", "http://queue"))
    state = State(Away(), Away(), Away(), None, settled).now()
    assert state["waiting"] is None and state["done"] is None
    assert state["results"] == [] and not state["keeps_results"]
    assert state["stages"] == [{"name": "move", "waiting": None, "working": None, "workers": None}]
    state = State(Listing([key_name("a")]), Away(), Away(), Results(Away(), "table", ("move",)), settled).now()
    assert state["waiting"] and state["results"] is None and state["keeps_results"]


class Listing:
    """A bucket whose listing is as long as its `StartAfter` lets it be."""

    def __init__(self, names: list[str]) -> None:
        self.names = sorted(names)
        self.calls = 0

    def get_paginator(self, operation: str) -> "Listing":
        return self

    def paginate(self, Prefix: str = "", StartAfter: str = "", **more: Any) -> list[dict[str, Any]]:
        self.calls += 1
        keys = [Prefix + name for name in self.names if Prefix + name > StartAfter]
        at = datetime.now(timezone.utc)
        found = [{"Key": key, "Size": 1, "LastModified": at} for key in keys]
        most = more.get("PaginationConfig", {}).get("MaxItems", MOST_FILES)
        return [{"Contents": found[:most], "AutoScalingInstances": []}]


@pytest.mark.parametrize("hours_ago", [48, 3], ids=["of days ago", "of today"])
def test_old_files_leave_room_for_new_ones(hours_ago: int) -> None:
    settled = Settings.from_environment(settings(8080, "files", "http://queue"))
    old = [f"{key_time(time.time() - hours_ago * 3600)}-{n:08x}-a" for n in range(MOST_FILES)]
    new = key_name("mine.png")
    state = State(Listing([*old, new]), Away(), Listing([]), None, settled).now()
    assert state["done_names"] == [new] and not state["more"]


def test_the_accounts_instances_are_not_asked_for_at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = Settings.from_environment(settings(8080, "files", "http://queue"))
    autoscaling = Listing([])
    state = State(Listing([]), Away(), autoscaling, None, settled)
    monkeypatch.setattr("page.state.SECONDS", 0.0)
    for _ in range(5):
        state.now()
    assert autoscaling.calls == 1


class Table:
    """Answers BatchGetItem from `items`, by job and stage, and leaves out what it has no capacity for."""

    def __init__(self, items: dict[tuple[str, str], dict[str, Any]]) -> None:
        self.items = items
        self.asked: list[list[tuple[str, str]]] = []
        self.throttled = False

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        ((table, of_table),) = RequestItems.items()
        keys = [(key["Job"]["S"], key["Stage"]["S"]) for key in of_table["Keys"]]
        assert 0 < len(keys) <= 100 and len(set(keys)) == len(keys), "what DynamoDB takes"
        self.asked.append(keys)
        if self.throttled:
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        found = [{"Job": {"S": job}, "Stage": {"S": stage}, **self.items[job, stage]} for job, stage in keys if (job, stage) in self.items]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}


def test_only_what_is_on_the_page_is_asked_for_and_what_is_done_but_once() -> None:
    done, working = {"State": {"S": "done"}, "UpdatedAt": {"S": "2"}}, {"State": {"S": "working"}, "UpdatedAt": {"S": "1"}}
    table = Table({("a", "move"): done, ("b", "move"): working, ("c", "move"): done})
    results = Results(table, "lab-results", ("move", "index"))
    rows = results.of(["b", "a", "b"])
    assert [(row["job"], row["stage"], row["state"]) for row in rows] == [("a", "move", "done"), ("b", "move", "working")]
    assert table.asked == [[("b", "move"), ("b", "index"), ("a", "move"), ("a", "index")]]
    assert len(results.of(["a", "b"])) == 2
    assert ("a", "move") not in table.asked[1] and ("a", "index") in table.asked[1]
    table.throttled = True
    assert [row["job"] for row in results.of(["a", "b"])] == ["a"], "the rest comes at another look"
    assert results.of([]) == []


def test_a_look_at_the_results_is_bounded() -> None:
    table = Table({})
    results = Results(table, "lab-results", tuple(f"s{n}" for n in range(20)))
    results.of([f"job-{n}" for n in range(10_000)])
    assert len(table.asked) == MOST_REQUESTS
    settled = Settings.from_environment(settings(8080, "files", "http://queue"))
    names = [key_name("a") for _ in range(200)]
    for stages in (1, 20):
        table = Table({})
        State(Listing(names), Away(), Listing([]), Results(table, "t", tuple(map(str, range(stages)))), settled).now()
        assert sum(map(len, table.asked)) <= BATCH * MOST_REQUESTS
        of_either = {job for keys in table.asked for job, _ in keys}
        # The listing has the same names for those that wait and for those that are done.
        assert len(of_either) == 2 * min(50, BATCH * MOST_REQUESTS // stages // 2)
        assert "uploads/" + max(names) in of_either, "the newest"


def test_a_record_that_a_worker_wrote_otherwise_is_shown_as_far_as_it_goes() -> None:
    table = Table({("a", "move"): {"State": {"S": "odd"}, "Detail": {"N": "7"}, "ExpiresAt": {"S": "soon"}}})
    assert Results(table, "t", ("move",)).of(["a"]) == [{"job": "a", "stage": "move", "state": "odd", "at": "", "detail": ""}]


def test_all_that_is_wrong_with_the_settings_is_said_at_once() -> None:
    wrong = settings(8080, "", "queue") | {"PORT": "http"}
    with pytest.raises(SettingsError) as found:
        Settings.from_environment(wrong)
    for name in ("PORT", "QFLEET_BUCKET", "QFLEET_FEEDS"):
        assert name in str(found.value)
