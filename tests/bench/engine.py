"""qfleet's engine against its peers': one stack whose operation takes 20 s, created, updated, and left as it is.

Every process has a world of its own on the endpoint, which knows when the operation ended. Processes are started in
turn, a moment apart, and then wait side by side: nearly all they do is wait, and the beginning of one, which is where
its CPU time goes, is over before any operation ends.
"""

import collections
import concurrent.futures
import pathlib
import sys
import time
from dataclasses import dataclass

from measure import median
from peers import SLOW, STACK, Aws, Qfleet, Sceptre

OPERATION = 20.0
# Repetitions differ, so that no tool is lucky with its intervals each time.
STEP = 0.37
APART = 2.0
# AWS CDK's figure for one such stack, and five more: a change set is read with values, too, because either read may leave
# things out; and EC2 is asked which zones have a default subnet, and which offer the instance types, in two pages each here.
MOST_CALLS = 31


@dataclass
class Figures:
    """One deploy. The lag is from the operation's end to that of the process."""

    lag_s: float
    calls: float
    cpu_ms: float
    peak_mb: float
    wall_s: float


class Measured(list):
    """Figures of one tool, with its calls by action."""

    def __init__(self):
        super().__init__()
        self.actions = collections.Counter()


def ended(events, since):
    """When the stack's operation ended, and how long it took."""
    own = [event for event in events if event["stack"] == STACK and event["at"] >= since]
    begins = [event["at"] for event in own if event["status"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")]
    ends = [event["at"] for event in own if event["status"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")]
    if len(begins) != 1 or len(ends) != 1:
        sys.exit(f"not one operation: {own}")
    return ends[0], ends[0] - begins[0]


def figures(tool, run, changes):
    seen = tool.world.look()
    calls = [call["action"] for call in seen["calls"] if run.began <= call["at"] <= run.ended]
    lag = 0.0
    if changes:
        end, took = ended(seen["events"], run.began)
        lag = run.ended - end
        if lag < 0 or took < OPERATION:
            sys.exit(f"{tool.name} ended {-lag:.1f} s before the operation, which took {took:.1f} s")
    elif any(event["at"] >= run.began for event in seen["events"] if event["status"].endswith("_COMPLETE")):
        sys.exit(f"{tool.name} changed a stack where there was nothing to change")
    return Figures(lag, len(calls), run.cpu_ms, run.peak_mb, run.wall_ms / 1000), calls


def phase(tools, changes):
    """Every tool deploys once in each repetition: started in turn; side by side when there is something to wait for."""
    measured = {tool.name: Measured() for tool in tools}
    if changes:
        with concurrent.futures.ThreadPoolExecutor(len(tools)) as pool:
            running = []
            for tool in tools:
                running.append(pool.submit(tool.deploy))
                time.sleep(APART)
            # A failed deploy ends the benchmark here: SystemExit comes through.
            runs = [run.result() for run in running]
    else:
        runs = [tool.deploy() for tool in tools]
    for tool, run in zip(tools, runs):
        one, calls = figures(tool, run, changes)
        measured[tool.name].append(one)
        measured[tool.name].actions.update(calls)
    return measured


def show(what, measured, changes):
    print(f"\n{what}")
    medians = {name: median(runs, Figures) for name, runs in measured.items()}
    for name, one in medians.items():
        runs = measured[name]
        first = f"{one.lag_s:6.2f} s lag" if changes else f"{one.wall_s:6.2f} s    "
        spread = f"({min(run.lag_s for run in runs):.2f} to {max(run.lag_s for run in runs):.2f})" if changes else ""
        print(
            f"  {name:28} {first} {spread:16} {one.calls:5.0f} calls {one.cpu_ms:8.0f} ms CPU {one.peak_mb:7.1f} MB"
        )
        actions = sorted(runs.actions.items(), key=lambda item: -item[1])
        print("      calls: " + ", ".join(f"{round(count / len(runs), 1):g} {action}" for action, count in actions))
    (ours, mine), *peers = medians.items()
    for name, peer in peers:
        first = mine.lag_s / peer.lag_s if changes else mine.wall_s / peer.wall_s
        print(
            f"  {'ratio to ' + name:35} {first:6.3f}{'':18} {mine.calls / peer.calls:6.2f}"
            f"      {mine.cpu_ms / peer.cpu_ms:9.3f}       {mine.peak_mb / peer.peak_mb:7.3f}",
            flush=True,
        )
    return mine, [peer for _, peer in peers]


def compare(qfleet, aws, sceptre, server, folder, repetitions, limits):
    kinds = ((Qfleet, qfleet), (Aws, aws), (Sceptre, sceptre))
    tools, steps = [], []
    for repetition in range(repetitions):
        for kind, executable in kinds:
            place = pathlib.Path(folder) / f"{kind.__name__}-{repetition}"
            place.mkdir()
            tools.append(kind(executable, qfleet, place, server.world()))
            steps.append(repetition * STEP)
    for tool in tools:
        tool.want(3)
        tool.prepare()
    for what, most, takes in (
        ("create", 3, OPERATION),
        ("update", 4, OPERATION + 0.5),
        # Now there is an operation of the same kind to learn from.
        ("second update", 5, OPERATION + 1.5),
        ("no change", 5, None),
    ):
        changes = takes is not None
        for tool, step in zip(tools, steps):
            tool.want(most)
            if changes:
                tool.world.takes(STACK, SLOW, takes + step)
        measured = phase(tools, changes)
        title = f"{what}: one stack whose operation takes {takes:g} s" if changes else f"{what}: the same stack again"
        mine, peers = show(f"{title} (medians of {repetitions})", measured, changes)
        if changes:
            limits.hold(f"{what}: ahead of all peers in lag", all(mine.lag_s < peer.lag_s for peer in peers))
            limits.hold(f"{what}: no more than {MOST_CALLS} calls", mine.calls <= MOST_CALLS)
        else:
            limits.hold(f"{what}: ahead of all peers in time", all(mine.wall_s < peer.wall_s for peer in peers))
        limits.hold(f"{what}: ahead of all peers in CPU", all(mine.cpu_ms < peer.cpu_ms for peer in peers))
