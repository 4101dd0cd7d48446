import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROGRAM
from mover.settings import Settings, SettingsError

GOOD = {
    "QFLEET_ENVIRONMENT": "photo-lab",
    "QFLEET_STAGE": "move",
    "QFLEET_QUEUE_URL": "https://sqs.us-east-2.amazonaws.com/111122223333/photo-lab-move",
    "QFLEET_BUCKET": "photo-lab-111122223333-us-east-2",
    "QFLEET_UPLOADS_PREFIX": "uploads/",
    "QFLEET_PROCESSED_PREFIX": "processed/",
    "QFLEET_VISIBILITY_TIMEOUT_SECONDS": "120",
    "AWS_REGION": "us-east-2",
}


def test_reads_all_of_them() -> None:
    settings = Settings.from_environment(
        GOOD
        | {
            "QFLEET_NEXT_QUEUE_URLS": "https://one https://two",
            "MOVER_SECONDS_PER_FILE": "0.5",
            "QFLEET_MESSAGES_AT_ONCE": "2",
        }
    )
    assert settings.visibility_timeout == 120
    assert settings.next_queue_urls == ("https://one", "https://two")
    assert settings.seconds_per_file == 0.5
    assert settings.messages_at_once == 2


def test_optional_ones_may_be_absent_or_empty() -> None:
    unset = (
        "QFLEET_NEXT_QUEUE_URLS",
        "QFLEET_REPLY_QUEUE_URL",
        "QFLEET_MESSAGES_AT_ONCE",
        "QFLEET_POLL_SECONDS",
        "MOVER_POLL_SECONDS",
        "MOVER_SECONDS_PER_FILE",
    )
    for more in ({}, dict.fromkeys(unset, "")):
        settings = Settings.from_environment(GOOD | more)
        assert settings.next_queue_urls == ()
        assert settings.reply_queue_url == ""
        assert settings.poll_seconds == 20
        assert settings.messages_at_once == 1
        assert settings.seconds_per_file == 0


def test_its_own_setting_goes_before_what_a_local_fleet_says() -> None:
    local = GOOD | {"QFLEET_POLL_SECONDS": "1"}
    assert Settings.from_environment(local).poll_seconds == 1
    assert Settings.from_environment(local | {"MOVER_POLL_SECONDS": "5"}).poll_seconds == 5


@pytest.mark.parametrize("name", GOOD)
def test_each_is_required(name: str) -> None:
    for broken in ({n: v for n, v in GOOD.items() if n != name}, GOOD | {name: ""}):
        with pytest.raises(SettingsError) as caught:
            Settings.from_environment(broken)
        assert caught.value.problems == [f"{name} is not set"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("QFLEET_VISIBILITY_TIMEOUT_SECONDS", "2m", "a whole number from 1 to 43200, not '2m'"),
        ("QFLEET_VISIBILITY_TIMEOUT_SECONDS", "0", "a whole number from 1"),
        ("QFLEET_VISIBILITY_TIMEOUT_SECONDS", "43201", "to 43200"),
        ("QFLEET_MESSAGES_AT_ONCE", "-1", "not '-1'"),
        ("QFLEET_QUEUE_URL", "photo-lab-move", "a queue's URL, not 'photo-lab-move'"),
        ("QFLEET_NEXT_QUEUE_URLS", "https://one two", "a queue's URL, not 'two'"),
        ("QFLEET_REPLY_QUEUE_URL", "photo-lab-move-replies", "a queue's URL, not 'photo-lab-move-replies'"),
        ("QFLEET_PROCESSED_PREFIX", "uploads/done/", "must not overlap"),
        ("QFLEET_PROCESSED_PREFIX", "up", "must not overlap"),
        ("MOVER_SECONDS_PER_FILE", "-1", "a number from 0 to 3600, not '-1'"),
        ("MOVER_SECONDS_PER_FILE", "1e3", "not '1e3'"),
        ("MOVER_SECONDS_PER_FILE", "nan", "not 'nan'"),
        ("MOVER_SECONDS_PER_FILE", "3600.5", "not '3600.5'"),
    ],
)
def test_says_what_is_wrong(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(GOOD | {name: value})
    assert name in str(caught.value)
    assert says in str(caught.value)


def test_the_program_names_every_problem_and_exits_2() -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "QFLEET_MESSAGES_AT_ONCE": "many"}
    done = subprocess.run([PROGRAM / "run"], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "QFLEET_QUEUE_URL is not set" in done.stderr
    assert "QFLEET_MESSAGES_AT_ONCE must be a whole number" in done.stderr
    assert done.stdout == ""

