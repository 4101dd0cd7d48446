"""Measures qfleet against its peers, each pair in turn in the same run, and prints ratios of medians.

    bench.py QFLEET AWS MINISTACK [--runs N]

QFLEET is a release build, AWS the aws command of awscli, MINISTACK the emulator. Exits with 1 when a limit that
qfleet promises is missed: 20 ms CPU and 20 MB for what needs no AWS, and a whole deploy faster than
`aws cloudformation deploy` takes for the largest template alone.
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT_FILE = "stacks/lab.yaml"


@dataclass
class Run:
    """What one process took, by the operating system's own accounting of it and its children."""

    cpu_ms: float
    wall_ms: float
    peak_mb: float


def run(command, env) -> Run:
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{output.read().decode()}")
    return Run((usage.ru_utime + usage.ru_stime) * 1000, wall * 1000, usage.ru_maxrss / 1024)


def median(runs) -> Run:
    return Run(*(statistics.median(getattr(one, field) for one in runs) for field in ("cpu_ms", "wall_ms", "peak_mb")))


def in_turn(runs, ours, theirs):
    """Runs the two A B A B …, after one of each that does not count."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(runs)]
    return median([pair[0] for pair in pairs]), median([pair[1] for pair in pairs])


def show(what, ours, peer, theirs):
    print(f"\n{what}")
    for name, one in (("qfleet", ours), (peer, theirs)):
        print(f"  {name:48} {one.cpu_ms:9.1f} ms CPU {one.wall_ms:9.1f} ms wall {one.peak_mb:7.1f} MB")
    print(
        f"  {'ratio, qfleet to it':48} {ours.cpu_ms / theirs.cpu_ms:9.3f}        {ours.wall_ms / theirs.wall_ms:9.3f}"
        f"         {ours.peak_mb / theirs.peak_mb:7.3f}"
    )


class Emulator:
    """One ministack on a free loopback port."""

    def __init__(self, executable):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        settings = {"MINISTACK_HOST": "127.0.0.1", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([executable], env=os.environ | settings, stdout=self.log, stderr=self.log)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        sys.exit("the emulator does not answer")

    def reset(self):
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/_ministack/reset", method="POST")).close()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def largest_template(qfleet, env):
    """The largest template of the environment, with parameters that make it deployable by itself."""
    rendered = json.loads(
        subprocess.run([qfleet, "render", ENVIRONMENT_FILE, "--local", "--output", "json"], cwd=ROOT, env=env, capture_output=True, check=True).stdout
    )
    stack = max(rendered["stacks"], key=lambda stack: len(stack["template"]))
    overrides = []
    for name, value in stack["parameters"].items():
        (kind, value), = value.items()
        if kind == "output":
            value = "arn:aws:sns:us-east-1:000000000000:bench" if value["key"].endswith("Arn") else "bench"
        overrides.append(f"{name}={value}")
    return stack["template"], overrides


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    for name in ("qfleet", "aws", "ministack"):
        arguments.add_argument(name, type=pathlib.Path)
    arguments.add_argument("--runs", type=int, default=7)
    given = arguments.parse_args()
    qfleet, aws, ministack = (path.absolute() for path in (given.qfleet, given.aws, given.ministack))
    plain = {key: value for key, value in os.environ.items() if not key.startswith("AWS_") or key == "AWS_CA_BUNDLE"}
    missed = []

    def limit(what, holds):
        print(f"  {'holds' if holds else 'MISSED'}: {what}")
        if not holds:
            missed.append(what)

    for name in ("--help", "render stacks/production.yaml"):
        command = [qfleet, *name.split()]
        ours, theirs = in_turn(given.runs, lambda: run(command, plain), lambda: run([aws, "--version"], plain))
        show(f"qfleet {name}", ours, "aws --version", theirs)
        limit(f"qfleet {name} takes under 20 ms CPU and 20 MB", ours.cpu_ms < 20 and ours.peak_mb < 20)

    emulator = Emulator(ministack)
    try:
        template, overrides = largest_template(qfleet, plain)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(template)
            file.flush()
            endpoint = emulator.endpoint
            keys = {"AWS_ACCESS_KEY_ID": "000000000000", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}

            def deploy_all():
                emulator.reset()
                return run([qfleet, "deploy", ENVIRONMENT_FILE, "--yes", "--local", "--endpoint-url", endpoint], plain)

            def deploy_largest():
                emulator.reset()
                return run(
                    [aws, "--endpoint-url", endpoint, "cloudformation", "deploy", "--stack-name", "bench", "--template-file",
                     file.name, "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", *overrides],
                    plain | keys,
                )  # fmt: skip

            ours, theirs = in_turn(min(given.runs, 5), deploy_all, deploy_largest)
            show(f"qfleet deploy {ENVIRONMENT_FILE}, all its stacks", ours, "aws cloudformation deploy, largest template alone", theirs)
            limit("the whole deploy is faster than the peer's of one template", ours.wall_ms < theirs.wall_ms)
    finally:
        emulator.stop()
    print(f"\n{len(missed)} limits missed" if missed else "\nall limits hold")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
