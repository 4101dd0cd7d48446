"""The whole way, on this machine: a lab is deployed to a local AWS emulator, files are uploaded, the example worker
processes them, the lab is destroyed, and every service is asked whether anything is left.

    lab.py QFLEET MINISTACK

QFLEET is the program, MINISTACK the emulator's. Needs boto3. `make lab` provides all three. With an AWS account, the
same commands without --local do the same to AWS, where instances run the worker instead of this script.

Exits with 0 when every byte arrived and nothing is left.
"""

import argparse
import hashlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = "lab"  # stacks/lab.yaml
STAGE = "move"
WORKERS = 2
SECONDS_TO_PROCESS = 120


class Failure(Exception):
    """The lab didn't do what it should."""


class Qfleet:
    """The program, run as a reader would type it."""

    def __init__(self, program: Path, ministack: Path, state: Path) -> None:
        self.program = program
        # Nothing of the user's AWS configuration, and an emulator of our own beside any that runs already.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "QFLEET_"))}
        self.env |= {"QFLEET_MINISTACK": str(ministack), "XDG_STATE_HOME": str(state)}

    def show(self, *words: str) -> None:
        """Runs a command and lets it speak for itself."""
        self._prompt(words)
        ended = subprocess.run([self.program, *words], cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL)
        if ended.returncode != 0:
            raise Failure(f"`qfleet {' '.join(words)}` ended with {ended.returncode}")

    def json(self, *words: str) -> Any:
        """Runs a command for its result."""
        words = (*words, "--output", "json")
        self._prompt(words)
        ended = subprocess.run(
            [self.program, *words], cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        if ended.returncode != 0:
            raise Failure(f"`qfleet {' '.join(words)}` ended with {ended.returncode}")
        return json.loads(ended.stdout)

    @staticmethod
    def _prompt(words: Iterable[str]) -> None:
        line = "$ qfleet " + " ".join(words)
        print(f"\033[1m{line}\033[0m" if sys.stdout.isatty() else line, flush=True)


class Services:
    """The emulator's services, past qfleet."""

    def __init__(self, endpoint: str, account: str, region: str) -> None:
        self.settings = {
            "endpoint_url": endpoint,
            "region_name": region,
            "aws_access_key_id": account,
            "aws_secret_access_key": "local",
        }

    def __call__(self, service: str) -> Any:
        return boto3.client(service, config=Config(s3={"addressing_style": "path"}), **self.settings)

    def everything(self) -> dict[str, set[str]]:
        """The names of everything that an environment could leave behind."""
        ec2, iam, cloudwatch = self("ec2"), self("iam"), self("cloudwatch")
        stacks = paged(self("cloudformation"), "list_stacks", "StackSummaries")
        return {
            "CloudFormation stacks": {s["StackName"] for s in stacks if s["StackStatus"] != "DELETE_COMPLETE"},
            "S3 buckets": {b["Name"] for b in self("s3").list_buckets()["Buckets"]},
            "SQS queues": set(paged(self("sqs"), "list_queues", "QueueUrls")),
            "SNS topics": names(paged(self("sns"), "list_topics", "Topics"), "TopicArn"),
            "SNS subscriptions": names(paged(self("sns"), "list_subscriptions", "Subscriptions"), "SubscriptionArn"),
            "Auto Scaling groups": names(
                paged(self("autoscaling"), "describe_auto_scaling_groups", "AutoScalingGroups"), "AutoScalingGroupName"
            ),
            "scaling policies": names(paged(self("autoscaling"), "describe_policies", "ScalingPolicies"), "PolicyName"),
            "launch templates": names(paged(ec2, "describe_launch_templates", "LaunchTemplates"), "LaunchTemplateName"),
            "security groups": names(paged(ec2, "describe_security_groups", "SecurityGroups"), "GroupName"),
            "instances": {
                i["InstanceId"]
                for reservation in paged(ec2, "describe_instances", "Reservations")
                for i in reservation["Instances"]
                if i["State"]["Name"] != "terminated"
            },
            "IAM roles": names(paged(iam, "list_roles", "Roles"), "RoleName"),
            "instance profiles": names(paged(iam, "list_instance_profiles", "InstanceProfiles"), "InstanceProfileName"),
            "log groups": names(paged(self("logs"), "describe_log_groups", "logGroups"), "logGroupName"),
            "alarms": names(paged(cloudwatch, "describe_alarms", "MetricAlarms"), "AlarmName"),
            "dashboards": names(paged(cloudwatch, "list_dashboards", "DashboardEntries"), "DashboardName"),
            "SSM parameters": names(paged(self("ssm"), "describe_parameters", "Parameters"), "Name"),
        }


def paged(client: Any, operation: str, key: str) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate() for item in page.get(key, [])]


def names(items: Iterable[dict[str, Any]], key: str) -> set[str]:
    return {item[key] for item in items}


class Workers:
    """Worker processes with the settings that an instance would give them."""

    def __init__(self, lines: str, services: Services, logs: Path) -> None:
        endpoint, account = services.settings["endpoint_url"], services.settings["aws_access_key_id"]
        env = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        env |= dict(setting(line) for line in lines.splitlines() if line)
        env |= {
            # `run` takes the python3 of the PATH: ours, which has boto3.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "local",
            # No machine, so no metadata service: a port that nobody listens on.
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
            # So that the workers end within two seconds of being asked to.
            "MOVER_POLL_SECONDS": "2",
        }
        self.logs = [logs / f"worker-{number}.log" for number in range(1, WORKERS + 1)]
        self.processes = []
        for log in self.logs:
            with log.open("wb") as output:
                run = ROOT / "examples" / "mover" / "run"
                self.processes.append(
                    subprocess.Popen([run], env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
                )

    def check(self) -> None:
        for process, log in zip(self.processes, self.logs, strict=True):
            if process.poll() is not None:
                raise Failure(f"a worker ended with {process.returncode}; it said:\n{log.read_text()}")

    def finish(self) -> None:
        """Asks them to end, as systemd would, and expects that they do."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process, log in zip(self.processes, self.logs, strict=True):
            if process.wait(timeout=30) != 0:
                raise Failure(f"a worker ended with {process.returncode}; it said:\n{log.read_text()}")

    def kill(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def setting(line: str) -> tuple[str, str]:
    """A line of a systemd environment file as qfleet writes it: NAME=value, or NAME="value" with backslashes."""
    name, _, value = line.partition("=")
    if value.startswith('"'):
        value = re.sub(r'\\(["\\`$])', r"\1", value[1:-1])
    return name, value


def files() -> dict[str, bytes]:
    """What is uploaded: files of this repository, and names and sizes that trip programs up."""
    chosen = itertools.chain(ROOT.glob("templates/*.j2"), ROOT.glob("stacks/*.yaml"), [ROOT / "Cargo.lock"])
    content = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in chosen}
    # The same bytes at each run, of the kind that doesn't compress.
    noise = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(20 * 1024 * 1024 // 32))
    return content | {
        "empty.txt": b"",
        "twenty megabytes.bin": noise,
        "a b+c & d=e?.txt": b"spaces, plus signs, question marks\n",
        "it's \"quoted\".txt": b"quotes\n",
        "100%25.txt": b"what looks like an escape\n",
        "caf\u00e9/\u65e5\u672c\u8a9e \U0001f680.txt": "neither ASCII nor Latin".encode(),
        "deep/er/and/deeper/file.txt": b"slashes\n",
    }


def wait_for(what: str, done: Callable[[], bool], each: Callable[[], None]) -> None:
    deadline = time.monotonic() + SECONDS_TO_PROCESS
    while not done():
        each()
        if time.monotonic() > deadline:
            raise Failure(f"waited {SECONDS_TO_PROCESS} s for this: {what}")
        time.sleep(0.2)


def say(text: str) -> None:
    print(f"\n# {text}", flush=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def lab(qfleet: Qfleet, folder: Path) -> None:
    say("An AWS emulator on this machine. It listens on 127.0.0.1 only and keeps everything in memory.")
    qfleet.show("local", "start", "--port", str(free_port()))
    started = qfleet.json("local", "status")["emulator"]

    say("What the environment file says is checked without AWS.")
    qfleet.show("check", ENVIRONMENT)

    say("Nothing is deployed yet.")
    qfleet.show("status", ENVIRONMENT, "--local")
    status = qfleet.json("status", ENVIRONMENT, "--local")
    services = Services(started["endpoint"], status["account"], status["region"])
    before = services.everything()

    say("The lab is deployed: a bucket that tells a topic, a queue behind it, a group of workers, a dashboard.")
    print("# Without --yes it would show what it will make, and ask.", flush=True)
    qfleet.show("deploy", ENVIRONMENT, "--local", "--yes")

    made = news(before, services.everything())

    say("Once more: nothing has changed, so nothing is done.")
    qfleet.show("deploy", ENVIRONMENT, "--local", "--yes")

    say("What the stacks put out. A worker's settings are among it, so that one can be run anywhere.")
    outputs = qfleet.json("outputs", ENVIRONMENT, "--local")["outputs"]
    lines = outputs[STAGE]["WorkerEnvironment"]
    print(lines)

    settings = dict(setting(line) for line in lines.splitlines() if line)
    bucket, uploads, processed = (
        settings[name] for name in ("QFLEET_BUCKET", "QFLEET_UPLOADS_PREFIX", "QFLEET_PROCESSED_PREFIX")
    )
    sent = files()
    say(f"{len(sent)} files are uploaded to s3://{bucket}/{uploads}, an empty one and one of 20 MB among them.")
    s3 = services("s3")
    for name, content in sent.items():
        s3.put_object(Bucket=bucket, Key=uploads + name, Body=content)
    qfleet.show("status", ENVIRONMENT, "--local")

    say(f"The emulator starts no machines, so {WORKERS} workers are started here: examples/mover/run, with the settings")
    print("# above, as systemd would start it on an instance.", flush=True)
    begun = time.monotonic()
    workers = Workers(lines, services, folder)
    try:
        wait_for(
            "an empty uploads folder and an empty queue",
            lambda: not keys(s3, bucket, uploads) and not waiting(services, settings["QFLEET_QUEUE_URL"]),
            workers.check,
        )
        print(f"All processed after {time.monotonic() - begun:.1f} s.", flush=True)
        workers.finish()
    finally:
        workers.kill()

    say("The processed files, compared byte for byte with what was uploaded:")
    arrived = keys(s3, bucket, processed)
    if arrived != {processed + name for name in sent}:
        raise Failure(f"not the files that were uploaded: {sorted(arrived)}")
    for name, content in sorted(sent.items()):
        if s3.get_object(Bucket=bucket, Key=processed + name)["Body"].read() != content:
            raise Failure(f"{processed}{name} is not what was uploaded")
        print(f"  same  {len(content):>10,} bytes  {processed}{name}")
    qfleet.show("status", ENVIRONMENT, "--local")

    say("The lab is taken down, the files in its bucket included: its file says `on_destroy: empty`.")
    qfleet.show("destroy", ENVIRONMENT, "--local", "--yes")

    say("Every service is asked what is there now that wasn't before:")
    left = news(before, services.everything())
    for service, found in left.items():
        print(f"  {service:<22} {len(made[service]):>2} made, left: {', '.join(sorted(found)) or 'nothing'}")
    if any(left.values()):
        raise Failure("something is left")
    # A question that is answered with nothing whatever happens would prove nothing. Nobody makes instances here.
    blind = [service for service, found in made.items() if not found and service != "instances"]
    if blind:
        raise Failure(f"nothing was found there while the lab was up: {', '.join(blind)}")


def news(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    return {service: found - before[service] for service, found in after.items()}


def keys(s3: Any, bucket: str, prefix: str) -> set[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {item["Key"] for page in pages for item in page.get("Contents", [])}


def waiting(services: Services, queue: str) -> int:
    """Messages in the queue, those that a worker has in hand included."""
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = services("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"]
    return sum(int(attributes[name]) for name in counts)


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
        qfleet = Qfleet(given.qfleet.absolute(), given.ministack.absolute(), Path(folder) / "state")
        try:
            lab(qfleet, Path(folder))
        except (Failure, KeyboardInterrupt) as failure:
            print(f"\nThe lab failed: {failure or 'interrupted'}", file=sys.stderr)
            return 1
        finally:
            say("The emulator is stopped.")
            qfleet.show("local", "stop")
    print(f"\nThe lab came up, moved every byte, and is gone without a trace: {time.monotonic() - begun:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
