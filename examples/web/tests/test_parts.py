"""Names, links and settings by themselves."""

import time
from datetime import datetime, timezone
from typing import Any

import pytest

from conftest import settings
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
    state = State(Away(), Away(), Away(), settled).now()
    assert state["waiting"] is None and state["done"] is None
    assert state["stages"] == [{"name": "move", "waiting": None, "working": None, "workers": None}]


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
    state = State(Listing([*old, new]), Away(), Listing([]), settled).now()
    assert state["done_names"] == [new] and not state["more"]


def test_the_accounts_instances_are_not_asked_for_at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = Settings.from_environment(settings(8080, "files", "http://queue"))
    autoscaling = Listing([])
    state = State(Listing([]), Away(), autoscaling, settled)
    monkeypatch.setattr("page.state.SECONDS", 0.0)
    for _ in range(5):
        state.now()
    assert autoscaling.calls == 1


def test_all_that_is_wrong_with_the_settings_is_said_at_once() -> None:
    wrong = settings(8080, "", "queue") | {"PORT": "http"}
    with pytest.raises(SettingsError) as found:
        Settings.from_environment(wrong)
    for name in ("PORT", "QFLEET_BUCKET", "QFLEET_FEEDS"):
        assert name in str(found.value)
