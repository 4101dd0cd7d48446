"""Measures qfleet against its peers, in turn in the same run, and prints ratios of medians.

    bench.py QFLEET AWS SCEPTRE MINISTACK [--quick] [--only NAME]

QFLEET is a release build, AWS the aws command of awscli, SCEPTRE the sceptre command, MINISTACK the emulator. Exits
with 1 when a limit that qfleet promises is missed: 20 ms CPU and 20 MB for what needs no AWS; a whole deploy faster
than `aws cloudformation deploy` takes for the largest template alone; ahead of all peers in lag and CPU on a stack that
takes its time, with no more calls than AWS CDK makes; eight stacks within 5 % of their critical path; a bucket emptied
five times faster than `aws s3 rm` does it, in memory that doesn't grow with it.
"""

import argparse
import pathlib
import sys
import tempfile

import critical_path
import emptying
import emulated
import engine
import start_up
from endpoint import Server
from measure import Limits

SUBJECTS = ("start-up", "emulated", "emptying", "engine", "critical-path")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("qfleet", "aws", "sceptre", "ministack"):
        arguments.add_argument(name, type=pathlib.Path)
    arguments.add_argument("--quick", action="store_true", help="one repetition of everything")
    arguments.add_argument("--only", choices=SUBJECTS, help="this subject alone")
    given = arguments.parse_args()
    qfleet, aws, sceptre, ministack = (
        path.absolute() for path in (given.qfleet, given.aws, given.sceptre, given.ministack)
    )
    limits = Limits()
    subjects = (given.only,) if given.only else SUBJECTS
    if "start-up" in subjects:
        start_up.compare(qfleet, aws, 1 if given.quick else 7, limits)
    if "emulated" in subjects:
        emulated.compare(qfleet, aws, ministack, 1 if given.quick else 5, limits)
    if "emptying" in subjects:
        emptying.compare(qfleet, aws, ministack, given.quick, limits)
    if "engine" in subjects or "critical-path" in subjects:
        server = Server(ministack)
        try:
            if "engine" in subjects:
                with tempfile.TemporaryDirectory() as folder:
                    engine.compare(qfleet, aws, sceptre, server, folder, 1 if given.quick else 3, limits)
            if "critical-path" in subjects:
                with tempfile.TemporaryDirectory() as folder:
                    critical_path.compare(qfleet, server, folder, limits)
        finally:
            failed = server.close()
        if failed:
            sys.exit("the endpoint failed: it says above why")
    missed = limits.missed
    print(f"\n{len(missed)} limits missed" if missed else "\nall limits hold")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
