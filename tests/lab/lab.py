"""The whole way, on this machine, in about a minute: a lab is deployed to a local AWS emulator and its workers run, 300
files are sent, the fleet grows, one worker is killed and replaced, what it had in hand comes back, the fleet shrinks,
the lab is destroyed, and every service is asked whether anything is left.

    lab.py QFLEET MINISTACK

QFLEET is the program, MINISTACK the emulator's. Needs boto3. `make lab` provides all three. With an AWS account, the
same commands do the same to AWS, without --local and without `local up` and `down`: there, instances run the workers,
and `kill-worker --drain` takes one away.

Exits with 0 when all of that happened, every byte arrived and nothing is left.
"""

import argparse
import hashlib
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from leftovers import Services, names, paged, processes

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = "lab"  # stacks/lab.yaml
STAGE = "move"
PROCESSED = "processed/"
FILES = 300
SPEED = 40
"""How many of the fleet's minutes pass in a real one."""
PATIENCE = 300
"""Seconds that anything may take. Mostly it is a few; on a busy machine it is more."""

# What is other than in stacks/lab.yaml, line by line: a day in class has more time than this.
CHANGES = {
    "program: ../examples/mover": f"program: {json.dumps(str(ROOT / 'examples' / 'mover'))}",
    # A dead worker's messages come back soon.
    "visibility_timeout: 2m ": "visibility_timeout: 20s",
    # Half a second of pretended work on each file: moving alone is too quick for a backlog to be seen.
    "min: 2": "environment: {MOVER_SECONDS_PER_FILE: '0.5', MOVER_POLL_SECONDS: '2'}\n        min: 2",
    # At this speed, half a second is 20 of the fleet's. Two at once: hardly ever has a worker nothing in hand.
    "seconds_per_message: 10": f"messages_at_once: 2\n      seconds_per_message: {SPEED // 2}",
}


class Failure(Exception):
    """The lab didn't do what it should."""


class Qfleet:
    """The program, run as a reader would type it, in a folder with a `stacks` folder."""

    def __init__(self, program: Path, ministack: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.state = folder / "state"
        # Nothing of the user's AWS configuration, and an emulator of our own beside any that runs already.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "QFLEET_"))}
        # Workers take the python3 of the PATH: ours, which has boto3.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        self.env |= {"QFLEET_MINISTACK": str(ministack), "XDG_STATE_HOME": str(self.state), "PATH": path}

    def show(self, *words: str) -> None:
        """Runs a command and lets it speak for itself."""
        self._run(words, None)

    def json(self, *words: str, quiet: bool = False) -> Any:
        """Runs a command for its result."""
        return json.loads(self._run((*words, "--output", "json"), subprocess.PIPE, quiet))

    def _run(self, words: tuple[str, ...], stdout: int | None, quiet: bool = False) -> str:
        line = "$ qfleet " + " ".join(words)
        if not quiet:
            print(f"\033[1m{line}\033[0m" if sys.stdout.isatty() else line, flush=True)
        ended = subprocess.run(
            [self.program, *words], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=stdout, text=True
        )
        if ended.returncode != 0:
            raise Failure(f"`{line[2:]}` ended with {ended.returncode}")
        return ended.stdout or ""


class Watch:
    """The stage as `qfleet status` tells it, a line now and then."""

    def __init__(self, qfleet: Qfleet) -> None:
        self.qfleet = qfleet
        self.began = time.monotonic()
        self.most_waiting = 0
        self._shown: tuple[int, int] | None = None
        self._next = 0.0
        self._quiet = True

    def header(self) -> None:
        self._quiet, self._next = False, 0.0
        print(f"$ qfleet status {ENVIRONMENT} --local --output json    (again and again)")
        print("     time   waiting   in hand   per worker   target   in service   desired", flush=True)

    def look(self) -> dict[str, Any]:
        """A line when the workers change, and when a while has passed."""
        status = self.qfleet.json("status", ENVIRONMENT, "--local", quiet=True)
        [stage] = status["stages"]
        queue, group, backlog = stage["queue"], stage["group"], stage["backlog"]
        if not (queue and group and backlog and stage["dead_letters"]):
            raise Failure(f"the status of {STAGE} is not known: {status.get('unknown')}")
        if stage["dead_letters"]["visible"]:
            raise Failure("a message became a dead letter")
        self.most_waiting = max(self.most_waiting, queue["visible"])
        workers, now = (in_service(stage), group["desired"]), self.seconds()
        if not self._quiet and (workers != self._shown or now >= self._next):
            self._shown, self._next = workers, now + 3
            print(
                f"  {now:5.1f} s   {queue['visible']:7}   {queue['in_flight']:7}"
                f"   {backlog['messages_per_instance'] or 0.0:10.1f}"
                f"   {backlog['target_messages_per_instance']:6.1f}   {workers[0]:10}   {workers[1]:7}",
                flush=True,
            )
        return stage

    def until(self, what: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        return wait_until(what, self.look, done)

    def seconds(self) -> float:
        return time.monotonic() - self.began


def in_service(stage: dict[str, Any]) -> int:
    return sum(instance["lifecycle_state"] == "InService" for instance in stage["group"]["instances"])


def has_workers(number: int) -> Callable[[dict[str, Any]], bool]:
    """Whether there are so many, all in service, and no more are wanted."""
    return lambda stage: in_service(stage) == len(stage["group"]["instances"]) == stage["group"]["desired"] == number


def why(stage: dict[str, Any], change: str) -> None:
    """Prints the cause of an activity that names a change of the desired capacity."""
    for activity in stage["activities"]:
        if f"changing the desired capacity {change}" in activity["cause"]:
            print("Why, in Auto Scaling's words:")
            # The decision alone; what followed from it comes in further sentences.
            decision = re.split(r"(?<=\.)\s+At ", activity["cause"])[0]
            print(textwrap.fill(decision, 78, initial_indent="  ", subsequent_indent="  "), flush=True)
            return
    raise Failure(f"no activity tells of a change {change}: {[a['cause'] for a in stage['activities']]}")


def came_back(logs: Path, killed: str) -> set[str]:
    """Messages that somebody received again, by what the workers that live on have written down."""
    text = "".join(log.read_text() for log in logs.glob("*/worker.log") if log.parent.name != killed)
    return set(re.findall(r"message (\S+), delivery \d+: it was received before and came back", text))


def environment_file() -> str:
    text = (ROOT / "stacks" / "lab.yaml").read_text()
    for old, new in CHANGES.items():
        if text.count(old) != 1:
            raise Failure(f"stacks/lab.yaml has `{old}` {text.count(old)} times, not once")
        text = text.replace(old, new)
    return text


def files() -> dict[str, bytes]:
    """What is sent: files of this repository, names and sizes that trip programs up, and many small ones."""
    chosen = itertools.chain(ROOT.glob("templates/*.j2"), ROOT.glob("stacks/*.yaml"), [ROOT / "Cargo.lock"])
    content = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in chosen}
    # The same bytes at each run, of the kind that doesn't compress.
    noise = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(20 * 1024 * 1024 // 32))
    content |= {
        "empty.txt": b"",
        "twenty megabytes.bin": noise,
        "a b+c & d=e?.txt": b"spaces, plus signs, question marks\n",
        "it's \"quoted\".txt": b"quotes\n",
        "100%25.txt": b"what looks like an escape\n",
        "caf\u00e9/\u65e5\u672c\u8a9e \U0001f680.txt": "neither ASCII nor Latin".encode(),
        "deep/er/and/deeper/file.txt": b"slashes\n",
    }
    small = {f"small/{number:03}.bin": noise[number * 7 : number * 20] for number in range(1, FILES - len(content) + 1)}
    return content | small


def say(text: str) -> None:
    print("\n" + textwrap.fill(text, 80, initial_indent="# ", subsequent_indent="# "), flush=True)


def wait_until(
    what: str, look: Callable[[], dict[str, Any]], done: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Looks until it is done. The answer is what was seen then."""
    deadline = time.monotonic() + PATIENCE
    while not done(seen := look()):
        if time.monotonic() > deadline:
            raise Failure(f"waited {PATIENCE} s for this: {what}")
        time.sleep(0.5)
    return seen


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def lab(qfleet: Qfleet) -> None:
    say("An AWS emulator on this machine. It listens on 127.0.0.1 only and keeps everything in memory.")
    qfleet.show("local", "start", "--port", str(free_port()))
    started = qfleet.json("local", "status")["emulator"]
    emulator = processes(qfleet.state)

    say("The lab is stacks/lab.yaml, but a dead worker's messages come back after 20 s, and workers pretend to work.")
    (qfleet.folder / "stacks").mkdir()
    (qfleet.folder / "stacks" / f"{ENVIRONMENT}.yaml").write_text(environment_file())
    qfleet.show("check", ENVIRONMENT)
    status = qfleet.json("status", ENVIRONMENT, "--local", quiet=True)
    services = Services(started["endpoint"], status["account"], status["region"])
    before = services.everything()

    say("It is deployed: a bucket that tells a topic, a queue behind it, a group of workers, a dashboard.")
    print("# Without --yes it would show what it will make, and ask.", flush=True)
    qfleet.show("deploy", ENVIRONMENT, "--local", "--yes")
    made = news(before, services.everything())
    say("Once more: nothing has changed, so nothing is done.")
    again = [stack["outcome"] for stack in qfleet.json("deploy", ENVIRONMENT, "--local", "--yes")["stacks"]]
    if again != ["unchanged"] * len(made["CloudFormation stacks"]):
        raise Failure(f"the second deploy left its stacks {again}")

    say("The emulator starts no machines. qfleet plays Auto Scaling, and runs the group's workers as processes.")
    print(f"# Its minutes take {60 / SPEED} s, so that growing and shrinking don't take a lesson.", flush=True)
    fleet = qfleet.json("local", "up", ENVIRONMENT, "--detach", "--speed", str(SPEED))
    fleet_folder = Path(fleet["log"]).parent
    watch = Watch(qfleet)
    watch.until("two workers in service", has_workers(2))
    if len(processes(qfleet.state) - emulator) < 3:
        raise Failure("a supervisor and two workers should run, and don't")

    sent = files()
    bucket = send(qfleet, sent)
    grow(watch)
    heal(watch, fleet_folder / "instances")
    shrink(watch)

    say("The workers are ended: told to stop, they finish what they have in hand.")
    qfleet.show("local", "down", "--yes")
    if left := processes(qfleet.state) - emulator:
        raise Failure(f"processes are left: {left}")
    kept = {path.name for path in fleet_folder.rglob("*") if path.is_file()}
    print("No process is left, and no file but logs, locks and the command that starts it again.", flush=True)
    # `command` starts the fleet again, until its environment is gone. `owner` says which stage a folder of logs is of,
    # `worker.times` when they were written, `crashed` that it was killed on purpose.
    of_logs = {"supervisor.log", "worker.log", "worker.times", "owner", "crashed"}
    if not kept <= of_logs | {"activities.jsonl", "command", "pid", "alive.lock", "fleet.lock"}:
        raise Failure(f"files are left: {', '.join(sorted(kept))}")
    compare(services, bucket, sent)

    say("The lab is taken down, the files in its bucket included: its file says `on_destroy: empty`.")
    qfleet.show("destroy", ENVIRONMENT, "--local", "--yes")
    say("Every service is asked what is there now that wasn't before:")
    left = news(before, services.everything())
    for service, found in left.items():
        print(f"  {service:<22} {len(made[service]):>2} made, left: {', '.join(sorted(found)) or 'nothing'}")
    if any(left.values()):
        raise Failure("something is left")
    # A question that is answered with nothing whatever happens would prove nothing. The emulator makes no instances, and
    # the lab has neither a table nor a web tier.
    absent = {
        "instances",
        "DynamoDB tables",
        "load balancers",
        "target groups",
        "distributions",
        "origin access controls",
    }
    blind = [service for service, found in made.items() if not found and service not in absent]
    if blind:
        raise Failure(f"nothing was found there while the lab was up: {', '.join(blind)}")


def send(qfleet: Qfleet, content: dict[str, bytes]) -> str:
    """Sends files. Returns the bucket's name."""
    folder = qfleet.folder / "files"
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    say(f"{len(content)} files are sent, an empty one and one of 20 MB among them.")
    sent = qfleet.json("send", ENVIRONMENT, folder.name, "--local")
    if sent["files"] != len(content) or sent["bytes"] != sum(map(len, content.values())):
        raise Failure(f"{sent['files']} files were sent, {sent['bytes']} bytes")
    print(f"{sent['files']} files, {sent['bytes']:,} bytes, in {sent['seconds']:.1f} s.", flush=True)
    return sent["bucket"]


def grow(watch: Watch) -> None:
    say("Two workers are too few for them: the backlog per worker is above the target.")
    watch.header()
    stage = watch.until("four workers in service", has_workers(4))
    why(stage, "from 2 to 4")


def heal(watch: Watch, logs: Path) -> None:
    say("A worker is killed, with what it has in hand. Auto Scaling puts another in its place.")
    killed = watch.qfleet.json("kill-worker", ENVIRONMENT, "--local", "--crash")
    if not killed["replacement"]:
        raise Failure("nothing took the place of the worker that was killed")
    since = watch.seconds() - killed["seconds"]
    print(f"{killed['replacement']} took the place of {killed['instance']} in {killed['seconds']:.1f} s.", flush=True)

    say("Nobody has what it had in hand, until the visibility timeout has passed. Then others receive it.")
    watch.header()
    watch.until("what it had in hand, received again", lambda stage: bool(came_back(logs, killed["instance"])))
    print(f"Others received what it had in hand, {watch.seconds() - since:.0f} s after it was killed.", flush=True)
    watch.until("an empty queue", lambda stage: not any(stage["queue"].values()))
    print(f"The queue is empty after {watch.seconds():.0f} s. {watch.most_waiting} messages waited at most.")


def shrink(watch: Watch) -> None:
    say("After 15 of the fleet's minutes with too little to do, it shrinks.")
    watch.header()
    stage = watch.until("two workers in service", has_workers(2))
    why(stage, "from 4 to 2")


def compare(services: Services, bucket: str, sent: dict[str, bytes]) -> None:
    """What is in the bucket with what was sent, byte for byte."""
    say(f"The files under {PROCESSED}, compared byte for byte with what was sent:")
    s3 = services("s3")
    arrived = names(paged(s3, "list_objects_v2", "Contents", Bucket=bucket), "Key")
    if arrived != {PROCESSED + name for name in sent}:
        raise Failure(f"not the files that were sent: {sorted(arrived)}")
    for name, content in sent.items():
        if s3.get_object(Bucket=bucket, Key=PROCESSED + name)["Body"].read() != content:
            raise Failure(f"{PROCESSED}{name} is not what was sent")
        if not name.startswith("small/"):
            print(f"  same  {len(content):>10,} bytes  {PROCESSED}{name}")
    small = [len(content) for name, content in sent.items() if name.startswith("small/")]
    print(f"  same  {sum(small):>10,} bytes  {PROCESSED}small/, {len(small)} files", flush=True)


def news(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    return {service: found - before[service] for service, found in after.items()}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("qfleet", type=Path)
    arguments.add_argument("ministack", type=Path)
    given = arguments.parse_args()
    # Everything here is on loopback, where no proxy can reach.
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="qfleet-lab-") as folder:
        # absolute(), not resolve(): a virtual environment's program must keep its path.
        qfleet = Qfleet(given.qfleet.absolute(), given.ministack.absolute(), Path(folder))
        try:
            lab(qfleet)
        except (Failure, KeyboardInterrupt) as failure:
            print(f"\nThe lab failed: {str(failure) or 'interrupted'}", file=sys.stderr)
            for log in qfleet.state.glob("qfleet/fleets/*/supervisor.log"):
                print(f"The local fleet said:\n{log.read_text()}", file=sys.stderr)
            qfleet.show("local", "down", "--yes")
            return 1
        finally:
            say("The emulator is stopped.")
            qfleet.show("local", "stop", "--yes")
        if left := processes(qfleet.state):
            print(f"\nThe lab failed: processes are left: {left}", file=sys.stderr)
            return 1
    print(f"\nThe lab came up, moved every byte, and is gone without a trace: {time.monotonic() - begun:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
