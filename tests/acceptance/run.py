"""What every act works with: the program, the services past it, and the claims that were looked at."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claims import CLAIMS
from recording import Recording


class Failure(Exception):
    """Nothing further can be looked at."""


@dataclass
class Ended:
    """A command that ended."""

    words: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> Any:
        return json.loads(self.stdout)


@dataclass
class Run:
    """One run of the whole."""

    program: Path
    folder: Path
    """Where the environment file lies."""
    name: str
    """The environment's name."""
    account: str
    region: str
    options: list[str]
    """What says where to work, behind every command."""
    environment: dict[str, str]
    """The program's environment variables."""
    client: Callable[[str], Any]
    """Makes a boto3 client of a service."""
    recording: Recording
    on_aws: bool
    patience: int
    """Seconds that anything may take."""
    alerts: str
    """The ARN of the topic that alarms act on; the act `listen` makes it."""
    outcomes: dict[str, str | None] = field(default_factory=dict)
    """Claim → what was seen instead; None where it held."""
    _clients: dict[str, Any] = field(default_factory=dict)

    def qfleet(self, *words: str, expect: tuple[int, ...] = (0,), quiet: bool = False, where: bool = True) -> Ended:
        """Runs a command. Its exit code must be one of the expected. One that asks nobody takes no `where`."""
        words = (*words, *self.options) if where else words
        if not quiet:
            print("$ qfleet " + " ".join(words), flush=True)
        began = time.monotonic()
        ended = subprocess.run(
            [self.program, *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if not quiet:
            print(f"  ended with {ended.returncode} after {time.monotonic() - began:.1f} s", flush=True)
        if ended.returncode not in expect:
            raise Failure(f"`qfleet {' '.join(words)}` ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
        return Ended(words, ended.returncode, ended.stdout, ended.stderr)

    def json(self, *words: str, expect: tuple[int, ...] = (0,), quiet: bool = False) -> Any:
        return self.qfleet(*words, "--output", "json", expect=expect, quiet=quiet).result

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begins a command, which goes on beside what is done next."""
        words = (*words, *self.options)
        print("$ qfleet " + " ".join(words) + " &", flush=True)
        return subprocess.Popen(
            [self.program, *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def aws(self, service: str) -> Any:
        """A client whose answers are recorded."""
        if service not in self._clients:
            self._clients[service] = self.client(service)
            self.recording.listen(self._clients[service])
        return self._clients[service]

    def claim(self, claim: str, holds: bool, seen: object = "") -> None:
        """Notes whether a claim held. One that failed once has failed."""
        if claim not in CLAIMS:
            raise Failure(f"there is no claim `{claim}`")
        print(f"  {'holds' if holds else 'FAILS'}: {CLAIMS[claim].text}", flush=True)
        if not holds:
            print(f"         seen: {seen}", flush=True)
            self.outcomes[claim] = str(seen)
        else:
            self.outcomes.setdefault(claim, None)

    def stage(self, name: str) -> dict[str, Any]:
        """A stage as `status` tells it."""
        status = self.json("status", "acceptance", quiet=True)
        [stage] = [stage for stage in status["stages"] if stage["stage"] == name]
        return stage

    def until(self, what: str, done: Callable[[], Any], every: float = 1.0) -> Any:
        """Looks until it is so. The answer is what was seen then; `None` when it never was."""
        began = time.monotonic()
        while not (seen := done()):
            if time.monotonic() - began > self.patience:
                print(f"  waited {self.patience} s in vain for this: {what}", flush=True)
                return None
            time.sleep(every if not self.on_aws else max(every, 10))
        print(f"  after {time.monotonic() - began:.0f} s: {what}", flush=True)
        return seen


def clean_environment() -> dict[str, str]:
    """This process's, without settings of qfleet."""
    return {name: value for name, value in os.environ.items() if not name.startswith("QFLEET_")}
