"""The environment that the run deploys: the lab's stage and one of each other kind."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# AWS wants `=` percent-encoded in the filter of a notification.
UPLOADS = "batch=in/"
PROCESSED = "processed/"


@dataclass(frozen=True)
class Environment:
    """What differs from act to act."""

    name: str
    account: str
    region: str
    seconds_per_file: str
    """For how long a worker pretends to work on a file."""
    visibility_timeout: str
    alerts: str
    """The ARN of the topic that alarms act on."""
    on_destroy: str = "empty"
    greeting: str = "Gr\u00fc\u00dfe"
    """In the worker's environment; not ASCII, and a change of it rolls the fleet."""
    fingerprint: bool = True
    """Whether the second stage is in the file."""

    def write(self, folder: Path) -> None:
        """Writes the file, and the programs that it names."""
        for program in ("mover", "fingerprint"):
            if not (folder / program).exists():
                shutil.copytree(ROOT / "examples" / program, folder / program, ignore=shutil.ignore_patterns("tests"))
        (folder / "stacks").mkdir(exist_ok=True)
        (folder / "stacks" / "acceptance.yaml").write_text(self._text(), encoding="utf-8")

    def _text(self) -> str:
        text = f"""\
name: {self.name}
region: {self.region}
account: "{self.account}"
lifetime: 2h
tags: {{purpose: acceptance}}
alerts: {{topic: "{self.alerts}"}}
bucket: {{uploads: "{UPLOADS}", processed: {PROCESSED}, on_destroy: {self.on_destroy}}}
delivery: {{}}
stages:
  # Instances on demand, fed by the bucket.
  - name: move
    from: bucket
    queue: {{visibility_timeout: {self.visibility_timeout}, max_receives: 3}}
    workers:
      instances:
        program: ../mover
        types: [t4g.micro]
        environment:
          GREETING: {json.dumps(self.greeting, ensure_ascii=False)}
          MOVER_SECONDS_PER_FILE: "{self.seconds_per_file}"
          MOVER_POLL_SECONDS: "2"
        min: 1
        max: 3
        zones: all
    scaling: {{acceptable_latency: 5m, seconds_per_message: 10}}
"""
        if self.fingerprint:
            text += """\
  # Spot instances, fed by the stage before, and none while there is nothing to do.
  - name: fingerprint
    from: move
    workers:
      instances:
        program: ../fingerprint
        types: [t4g.micro, t4g.small, t4g.medium]
        spot: true
        min: 0
        max: 2
        zones: all
    scaling: {acceptable_latency: 1h, seconds_per_message: 5}
"""
        return text
