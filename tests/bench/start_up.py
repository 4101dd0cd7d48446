"""What needs no AWS: qfleet against the aws command at doing nothing; and how large the program is."""

import pathlib

from measure import in_turn, run, show, without_aws


def compare(qfleet, aws, runs, limits):
    plain = without_aws()
    size_mb = pathlib.Path(qfleet).stat().st_size / 1e6
    print(f"\nthe program: {size_mb:.1f} MB")
    limits.hold("the program is under 30 MB", size_mb < 30)
    for name in ("--help", "render stacks/production.yaml"):
        command = [qfleet, *name.split()]
        ours, theirs = in_turn(runs, lambda: run(command, plain), lambda: run([aws, "--version"], plain))
        show(f"qfleet {name}", ours, "aws --version", theirs)
        limits.hold(f"qfleet {name} takes under 20 ms CPU and 20 MB", ours.cpu_ms < 20 and ours.peak_mb < 20)
