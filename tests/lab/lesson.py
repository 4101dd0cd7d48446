"""The lesson of docs/class.md, on this machine: photos are sent, a backlog grows, the fleet grows with it, a worker is killed
and replaced, spoilt photos become dead letters, every photo is developed, and the fleet shrinks.

    lesson.py QFLEET MINISTACK [--speed 10] [--photos 240]

Needs boto3. Waits for what happens, not for a time; says how long each took. Exits with 0 when all of it happened and every
photo is there as a negative.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab import ROOT, Failure, Qfleet, free_port, in_service, say, wait_until

ENVIRONMENT = "class"  # stacks/class.yaml, as it is
SPOILT = 3
MOST = 4
"""Instances, as in that file."""


class Lesson:
    def __init__(self, qfleet: Qfleet) -> None:
        self.qfleet = qfleet
        self.began = self.last = time.monotonic()

    def stage(self) -> dict[str, Any]:
        [stage] = self.qfleet.json("status", ENVIRONMENT, "--local", quiet=True)["stages"]
        if not (stage["queue"] and stage["group"] and stage["dead_letters"]):
            raise Failure("the status of the stage is not known")
        return stage

    def sees(self, what: str, happened: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        stage = wait_until(what, self.stage, happened)
        self.tell(what)
        return stage

    def tell(self, what: str) -> None:
        now = time.monotonic()
        print(f"  {now - self.began:5.0f} s  {what} ({now - self.last:.0f} s after the line above)", flush=True)
        self.last = now


def piles_up(stage: dict[str, Any]) -> bool:
    """Whether the backlog is, or was in a minute of the last hour, above the target: a busy machine looks too late."""
    backlog = stage["backlog"]
    seen = [point["messages_per_instance"] for point in backlog["history"]]
    return max([*seen, backlog["messages_per_instance"]]) > backlog["target_messages_per_instance"]


def has_grown(stage: dict[str, Any]) -> bool:
    """Whether it has so many workers, or had them once."""
    came = any(f"to {MOST}." in activity["cause"] for activity in stage["activities"])
    return came or in_service(stage) == MOST


def lesson(qfleet: Qfleet, photos: Path, count: int, speed: int) -> None:
    say("The class's environment comes up, as stacks/class.yaml has it.")
    qfleet.show("local", "start", "--port", str(free_port()))
    qfleet.json("local", "up", ENVIRONMENT, "--detach", "--speed", str(speed))
    generator = ROOT / "examples" / "darkroom" / "photos.py"
    subprocess.run([sys.executable, "-B", generator, photos, str(count), str(SPOILT)], check=True)
    lesson = Lesson(qfleet)
    lesson.sees("a worker is in service", lambda stage: in_service(stage) == 1)
    sent = qfleet.json("send", ENVIRONMENT, str(photos), "--local")
    if sent["files"] != count + SPOILT:
        raise Failure(f"{sent['files']} files were sent")
    lesson.tell(f"{sent['files']} files are sent")
    lesson.sees("the backlog is above the target", piles_up)
    lesson.sees(f"the fleet has grown to {MOST}", has_grown)
    killed = qfleet.json("kill-worker", ENVIRONMENT, "--local", "--crash")
    # While the fleet grows, nobody can say which of those that came it is.
    came = killed["replacement"] or " or ".join(killed.get("one_of", []))
    if not came:
        raise Failure("nothing took the place of the worker that was killed")
    lesson.tell(f"a worker was killed, and {came} took its place")
    # A spoilt photo that the dead worker had in hand is one some seconds later.
    lesson.sees("the spoilt photos are dead letters", lambda stage: stage["dead_letters"]["visible"] == SPOILT)
    lesson.sees("the queue is empty", lambda stage: not any(stage["queue"].values()))
    files = qfleet.json("files", ENVIRONMENT, "--local", quiet=True)
    done = files["processed"]["objects"]
    if done != count:
        raise Failure(f"{done} photos of {count} are developed")
    lesson.sees("the fleet shrinks", lambda stage: stage["group"]["desired"] < MOST)
    letters = qfleet.json("dlq", "sample", ENVIRONMENT, "--local")
    if "spoilt" not in str(letters):
        raise Failure("the dead letters are not the spoilt photos")
    redriven = qfleet.json("dlq", "redrive", ENVIRONMENT, "--local")
    if redriven["moved"] != SPOILT:
        raise Failure(f"{redriven['moved']} dead letters went back")
    lesson.sees("they are dead letters again", lambda stage: stage["dead_letters"]["visible"] == SPOILT)
    purged = qfleet.json("dlq", "purge", ENVIRONMENT, "--local", "--yes")
    if purged["messages"] != SPOILT:
        raise Failure(f"{purged['messages']} dead letters were purged")
    qfleet.show("local", "down", "--yes")
    qfleet.show("destroy", ENVIRONMENT, "--local", "--yes")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("qfleet", type=Path)
    arguments.add_argument("ministack", type=Path)
    arguments.add_argument("--speed", type=int, default=10)
    arguments.add_argument("--photos", type=int, default=240)
    given = arguments.parse_args()
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="qfleet-lesson-") as folder:
        qfleet = Qfleet(given.qfleet.absolute(), given.ministack.absolute(), Path(folder))
        # Where `class` is stacks/class.yaml.
        qfleet.folder = ROOT
        try:
            lesson(qfleet, Path(folder) / "photos", given.photos, given.speed)
        except (Failure, KeyboardInterrupt) as failure:
            print(f"\nThe lesson failed: {str(failure) or 'interrupted'}", file=sys.stderr)
            for log in qfleet.state.glob("qfleet/fleets/*/supervisor.log"):
                print(f"The local fleet said:\n{log.read_text()}", file=sys.stderr)
            qfleet.show("local", "down", "--yes")
            return 1
        finally:
            qfleet.show("local", "stop", "--yes")
    print("\nThe class saw it all.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
