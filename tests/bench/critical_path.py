"""An environment of eight stacks against its critical path: what CloudFormation itself takes on the longest way through
the stacks' needs, change sets included, since an operation can only begin when its change set is made."""

import pathlib

from endpoint import CHANGE_SET
from measure import run
from peers import render, write_program

ENVIRONMENT = """\
name: wide
region: us-east-2
bucket: {on_destroy: empty}
stages:
"""

STAGE = """\
  - name: {name}
    from: {source}
    queue: {{visibility_timeout: 2m}}
    workers:
      instances: {{program: program, types: [t3.micro], min: 1, max: 3, network: create}}
    scaling: {{seconds_per_message: 1}}
"""

# Two chains beside each other: sort feeds resize, and scan feeds tag.
STAGES = (("sort", "bucket"), ("resize", "sort"), ("scan", "bucket"), ("tag", "scan"))

# The resource that makes a stack's operation long, and how long, in seconds.
SLOW = {
    "artifacts": ("Bucket", 20),
    "network": ("Vpc", 30),
    "intake": ("Topic", 25),
    "sort": ("Group", 45),
    "resize": ("Group", 35),
    "scan": ("Group", 20),
    "tag": ("Group", 50),
    "dashboard": ("Dashboard", 20),
}
WITHIN = 1.05


def span(events, stack):
    """When the stack's create began, and when it ended."""
    at = {event["status"]: event["at"] for event in events if event["stack"] == stack}
    return at["CREATE_IN_PROGRESS"], at["CREATE_COMPLETE"]


def lost(way, spans, one):
    """Seconds that CloudFormation did nothing on the way: before each of its operations, and after the last."""
    since = one.began
    for part in way:
        begin, end = spans[part]
        yield part, begin - since - CHANGE_SET
        since = end
    yield "the end", one.ended - since


def longest(stacks, times):
    """The parts on the longest way through the needs, and its length."""
    best = {}

    def to(part):
        if part not in best:
            before = max((to(need) for need in stacks[part]["needs"]), key=lambda way: way[1], default=([], 0.0))
            best[part] = ([*before[0], part], before[1] + times[part])
        return best[part]

    return max((to(part) for part in stacks), key=lambda way: way[1])


def compare(qfleet, server, folder, limits):
    folder = pathlib.Path(folder)
    write_program(folder)
    stages = "".join(STAGE.format(name=name, source=source) for name, source in STAGES)
    (folder / "env.yaml").write_text(ENVIRONMENT + stages)
    world = server.world()
    stacks = {stack["part"]: stack for stack in render(qfleet, folder, world.env())}
    for part, stack in stacks.items():
        resource, seconds = SLOW[part]
        if f"\n  {resource}:\n" not in stack["template"]:
            raise LookupError(f"{stack['name']} has no {resource}")
        world.takes(stack["name"], resource, seconds)
    one = run([qfleet, "deploy", "env.yaml", "--yes"], world.env(), folder)
    seen = world.look()
    spans = {part: span(seen["events"], stack["name"]) for part, stack in stacks.items()}
    operations = {part: end - begin for part, (begin, end) in spans.items()}
    way, length = longest(stacks, {part: time + CHANGE_SET for part, time in operations.items()})
    calls = [call for call in seen["calls"] if call["at"] <= one.ended]
    seconds = one.wall_ms / 1000
    print(f"\nqfleet deploy of {len(stacks)} stacks, whose operations take {min(operations.values()):.0f} to "
          f"{max(operations.values()):.0f} s")  # fmt: skip
    change_sets = CHANGE_SET * len(way)
    print(f"  {seconds:.1f} s, {len(calls)} calls ({len(calls) / seconds:.1f} a second), {one.cpu_ms:.0f} ms CPU, "
          f"{one.peak_mb:.1f} MB")  # fmt: skip
    print(f"  critical path: {length:.1f} s, {' → '.join(way)} (of which {change_sets:g} s change sets)")
    print(f"  ratio to it: {seconds / length:.3f}; to its operations alone: {seconds / (length - change_sets):.3f}")
    gaps = ", ".join(f"{gap:.2f} s before {part}" for part, gap in lost(way, spans, one))
    print(f"  lost on the way: {gaps}")
    limits.hold(f"within {WITHIN - 1:.0%} of the critical path", len(stacks) == 8 and seconds / length <= WITHIN)
