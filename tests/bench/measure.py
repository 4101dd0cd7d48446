"""Processes measured by the operating system's own accounting, and the limits that figures are held against."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAUNCH = pathlib.Path(__file__).with_name("launch.py")


@dataclass
class Run:
    """What one process took, its children included. `began` and `ended` are seconds since 1970."""

    cpu_ms: float
    wall_ms: float
    peak_mb: float
    began: float = 0.0
    ended: float = 0.0


def run(command, env, folder=ROOT) -> Run:
    """Runs a command to its end. One that fails ends the benchmark with what it said."""
    read, write = os.pipe()
    launch = [sys.executable, "-I", "-S", LAUNCH, str(write), *command]
    with tempfile.TemporaryFile() as output, os.fdopen(read) as figures:
        settings = {"cwd": folder, "env": env, "stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        process = subprocess.Popen(launch, pass_fds=[write], **settings)
        os.close(write)
        told = figures.read().split()
        process.wait()
        if not told or told[0] != "0":
            output.seek(0)
            ending = f"ended with {told[0]}" if told else "did not start"
            sys.exit(f"{' '.join(map(str, command))} {ending}:\n{output.read().decode()}")
    cpu, peak, began, ended = map(float, told[1:])
    return Run(cpu * 1000, (ended - began) * 1000, peak / 1024, began, ended)


def median(runs, kind=Run):
    """The median of each field by itself."""
    return kind(*(statistics.median(getattr(one, field) for one in runs) for field in kind.__dataclass_fields__))


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
        f"         {ours.peak_mb / theirs.peak_mb:7.3f}",
        flush=True,
    )


def without_aws():
    """The environment of this process with nothing of AWS in it, and no proxy on the way to loopback."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("AWS_") or key == "AWS_CA_BUNDLE"}
    return plain | {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


class Limits:
    """What qfleet promises, each held against a figure."""

    def __init__(self):
        self.missed = []

    def hold(self, what, holds):
        print(f"  {'holds' if holds else 'MISSED'}: {what}", flush=True)
        if not holds:
            self.missed.append(what)
