"""The run's own promises: what only an account proves is listed, and nothing that is recorded tells whose it was."""

import datetime
import json
import re
from pathlib import Path

from claims import CLAIMS
from recording import Recording

ROOT = Path(__file__).resolve().parents[2]


def test_contributing_lists_what_only_an_account_can_prove() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    listed = text.split("## Not proven without an account\n")[1].split("\n## ")[0]
    items = [" ".join(item.split()) for item in re.findall(r"^- (.*(?:\n  .*)*)", listed, re.MULTILINE)]
    assert items == [claim.text for claim in CLAIMS.values() if claim.on_aws_alone]


def test_a_recording_tells_nothing_of_whose_it_was(tmp_path: Path) -> None:
    recording = Recording({"999988887777": "111111111111", "eu-north-1": "<region>", "qfa-3f9c1a": "<environment>"})
    answer = {
        "StackId": "arn:aws:cloudformation:eu-north-1:999988887777:stack/qfa-3f9c1a-move/0a1b2c3d-0000-1111-2222-333344445555",
        "PhysicalResourceId": "qfa-3f9c1a-move-Group-1XKQ7ABCDEF2",
        "Instances": ["i-0123456789abcdef0", "i-0123456789abcdef0", "i-0fedcba987654321f"],
        "Reason": "At 2026-01-02T03:04:05Z i-0123456789abcdef0 at 10.1.2.3 was launched",
        "Timestamp": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
        "ResponseMetadata": {"RequestId": "abc"},
    }
    recording.note("cloudformation", "DescribeStacks", {"StackName": "qfa-3f9c1a-move"}, answer)
    file = tmp_path / "deploy.json"
    recording.write(file, "a test")
    text = file.read_text()
    assert not re.search(r"9999|eu-north|3f9c1a|0123456789abcdef|1XKQ7|10\.1|2026-01|RequestId", text)
    [step] = json.loads(text)["steps"]
    assert step["request"] == {"StackName": "<environment>-move"}
    assert step["answer"]["Instances"] == ["<id:1>", "<id:1>", "<id:2>"]
    assert step["answer"]["PhysicalResourceId"] == "<environment>-move-Group-<suffix:1>"
    assert step["answer"]["Reason"] == "At <date> <id:1> at <address:1> was launched"


def test_what_is_asked_until_it_is_so_is_kept_once_and_refusals_as_errors() -> None:
    recording = Recording({})
    for status in ("CREATE_PENDING", "CREATE_COMPLETE"):
        recording.note("cloudformation", "DescribeChangeSet", {"ChangeSetName": "a"}, {"Status": status})
    refused = {"Error": {"Code": "ValidationError", "Message": "no", "Type": "Sender"}}
    recording.note("cloudformation", "DescribeStacks", {"StackName": "a"}, refused)
    assert recording.steps[0]["until"] == {"/Status": "CREATE_COMPLETE"}
    assert [step.get("answer") for step in recording.steps] == [{"Status": "CREATE_COMPLETE"}, None]
    assert recording.steps[1]["error"] == {"Code": "ValidationError", "Message": "no"}
