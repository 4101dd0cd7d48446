"""Every claim that a run can prove: an environment with a stage of each kind is deployed, loaded, hurt, changed, kept,
taken in again and destroyed. On an account of AWS, which costs money, or on the emulator, as far as that goes.

    acceptance.py QFLEET --profile NAME --region REGION --yes-this-costs-money
    acceptance.py QFLEET --emulator MINISTACK

Exits with 0 when every claim held that could be looked at. The answers of AWS are left in the folder that --record
names, in the form of tests/fixtures/aws, without account numbers.
"""

import argparse
import secrets
import signal
import socket
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from acts import ACTS, current, hear_no_more
from around import second, take_down
from claims import CLAIMS
from recording import Recording
from run import Failure, Run, clean_environment

SPEED = 40
"""How many of the fleet's minutes pass in a real one, on the emulator."""

COSTS = """\
This run makes, in account {account}, {region}, as profile {profile}:
  - an environment `{name}` of six CloudFormation stacks: two buckets, a CloudFront distribution, a topic, four queues, two Auto Scaling groups
    in the default VPC, with at most three t4g.micro on demand and two spot instances, some ten alarms, a dashboard,
    two log groups, three roles
  - a topic and a queue, `{name}-alerts`, that hear its alarms
  - an environment `{around}` of six stacks: a bucket, three Lambda functions, a table in DynamoDB, eight queues, a topic, a schedule;
    and a bucket and a queue, `{around}-theirs`, that it finds there
  - nothing else, and no change to anything that is there
It takes one to two hours, CloudFront's minutes among them, and costs less than 1 USD: 5 instances for 2 hours at 0.0084 USD each are 0.09 USD, their
disks and addresses 0.06 USD, alarms, metrics, logs, requests and messages less than 0.10 USD (us-east-2, list prices).
It destroys what it made. If it is stopped, the environment expires after two hours; either of these takes it down:
  qfleet destroy --name {name} --yes --region {region} --profile {profile}         # and --name {around}
  qfleet reap --yes --region {region} --profile {profile}        # once it has expired
"""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("qfleet", type=Path)
    arguments.add_argument("--profile")
    arguments.add_argument("--region")
    arguments.add_argument("--yes-this-costs-money", action="store_true")
    arguments.add_argument("--emulator", type=Path, metavar="MINISTACK")
    arguments.add_argument("--record", type=Path, metavar="FOLDER")
    given = arguments.parse_args()
    if bool(given.emulator) == bool(given.profile and given.region):
        arguments.error("name an account (--profile and --region), or the emulator (--emulator)")
    # A pipeline that is cancelled sends SIGTERM: what was made is taken down then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    name = f"qfa-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory(prefix="qfleet-acceptance-") as folder:
        if given.emulator:
            return on_emulator(given, name, Path(folder))
        return on_aws(given, name, Path(folder))


def on_aws(given: argparse.Namespace, name: str, folder: Path) -> int:
    session = boto3.Session(profile_name=given.profile, region_name=given.region)
    account = session.client("sts").get_caller_identity()["Account"]
    costs = COSTS.format(account=account, region=given.region, profile=given.profile, name=name, around=second(name))
    print(costs, flush=True)
    if not given.yes_this_costs_money:
        print("Nothing was made. Say --yes-this-costs-money to run it.", file=sys.stderr)
        return 4
    options = ["--profile", given.profile, "--region", given.region]
    run = made(given, name, folder, account, given.region, options, session.client, clean_environment(), patience=1800)
    return perform(run, given.record)


def on_emulator(given: argparse.Namespace, name: str, folder: Path) -> int:
    account, region = "111122223333", "us-east-2"
    environment = {key: value for key, value in clean_environment().items() if not key.startswith("AWS_")}
    state = {"QFLEET_MINISTACK": str(given.emulator.absolute()), "XDG_STATE_HOME": str(folder / "state")}
    # Workers take the python3 of the PATH: this one, which has boto3.
    environment |= state | {"PATH": f"{Path(sys.executable).parent}:{environment.get('PATH', '')}"}
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="local",
            config=Config(s3={"addressing_style": "path"}),
        )

    run = made(given, name, folder, account, region, ["--local"], client, environment, patience=180)
    run.qfleet("local", "start", "--port", str(port))
    try:
        return perform(run, given.record)
    finally:
        run.qfleet("local", "down", "--yes", expect=(0, 1))
        run.qfleet("local", "stop", "--yes", expect=(0, 1))


def made(
    given: argparse.Namespace,
    name: str,
    folder: Path,
    account: str,
    region: str,
    options: list[str],
    client: Any,
    environment: dict[str, str],
    patience: int,
) -> Run:
    secret = {account: "111111111111", region: "<region>", name: "<environment>", str(folder): "<folder>"}
    secret[second(name)] = "<environment>"
    run = Run(
        program=given.qfleet.absolute(),
        folder=folder,
        name=name,
        account=account,
        region=region,
        options=options,
        environment=environment,
        client=client,
        recording=Recording(secret),
        on_aws=not given.emulator,
        patience=patience,
        alerts=f"arn:aws:sns:{region}:{account}:{name}-alerts",
    )
    current(run).write(folder)
    return run


def perform(run: Run, record: Path | None) -> int:
    begun = time.monotonic()
    try:
        for act in ACTS:
            print(f"\n# {act.__doc__}", flush=True)
            try:
                act(run)
            finally:
                if record:
                    run.recording.write(record / f"{act.__name__}.json", f"make acceptance, act `{act.__name__}`")
            if act.__name__ == "deploy" and not run.on_aws:
                run.qfleet("local", "up", "acceptance", "--detach", "--speed", str(SPEED))
    except (Exception, KeyboardInterrupt) as failure:
        if not isinstance(failure, (Failure, KeyboardInterrupt)):
            traceback.print_exc()
        print(f"\nStopped: {str(failure) or 'interrupted'}", file=sys.stderr)
        print("What was made is taken down.", file=sys.stderr)
        ended = run.qfleet("destroy", "acceptance", "--yes", expect=(0, 1, 4))
        print(ended.stdout + ended.stderr, file=sys.stderr)
        hear_no_more(run)
        take_down(run)
        return 1
    expected = {claim for claim, one in CLAIMS.items() if run.on_aws or not one.on_aws_alone}
    print(f"\n# What was claimed, after {time.monotonic() - begun:.0f} s")
    for claim, one in CLAIMS.items():
        seen = run.outcomes.get(claim, "not looked at")
        word = "holds" if claim in run.outcomes and seen is None else "FAILS" if claim in expected else "needs an account"
        print(f"  {word:<17} {one.text}")
    return int(any(run.outcomes.get(claim, "not looked at") is not None for claim in expected))


if __name__ == "__main__":
    sys.exit(main())
