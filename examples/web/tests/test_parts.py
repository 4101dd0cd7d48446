"""Names, links and settings by themselves."""

from typing import Any

import pytest

from conftest import settings
from page.settings import Settings, SettingsError
from page.state import State
from page.uploads import MOST_A_MINUTE, Links, TooMany, key_name


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


def test_all_that_is_wrong_with_the_settings_is_said_at_once() -> None:
    wrong = settings(8080, "", "queue") | {"PORT": "http"}
    with pytest.raises(SettingsError) as found:
        Settings.from_environment(wrong)
    for name in ("PORT", "QFLEET_BUCKET", "QFLEET_FEEDS"):
        assert name in str(found.value)
