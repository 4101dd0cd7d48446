"""A deployed bucket full of objects emptied on the local emulator: by a whole `qfleet destroy`, by `aws s3 rm
--recursive`, which leaves versions behind, and by the boto3 script that deletes all versions.

The emulator works on one request at a time, on one processor. How much of the time it was busy says whether a client
could have been any faster: at nearly all of it, none could.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.parse

from emulated import ENVIRONMENT_FILE, Emulator
from measure import ROOT, run, without_aws

OBJECTS = 50_000
QUICK = 10_000
# aws s3 rm takes this many times as long, at least.
FASTER = 5
# Ten times as many objects take at most this much of the memory.
FLAT = 1.25
ACCOUNT = "000000000000"
REGION = "us-east-2"
WRITERS = 4
# The emulator reads the account from these, and checks no signature.
SIGNED = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/s3/aws4_request, Signature=none",
    "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
}
KEYS = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
BOTO3 = "import boto3, sys; boto3.resource('s3', endpoint_url=sys.argv[1]).Bucket(sys.argv[2]).object_versions.delete()"


class Bucket:
    """A bucket of the emulator, past all clients."""

    def __init__(self, emulator, name):
        self.address, self.name = urllib.parse.urlsplit(emulator.endpoint).netloc, name

    def request(self, connection, method, path, body=b""):
        connection.request(method, f"/{self.name}{path}", body, SIGNED)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def fill(self, objects):
        """Puts so many objects, under a prefix that no worker is told of."""

        def write(writer):
            connection = http.client.HTTPConnection(self.address)
            for number in range(writer, objects, WRITERS):
                status, answer = self.request(connection, "PUT", f"/processed/2026/01/02/photo-{number:06}.json", b"{}")
                if status != 200:
                    raise RuntimeError(f"an object is refused with {status}: {answer}")

        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))

    def must_be_empty(self, who):
        status, answer = self.request(http.client.HTTPConnection(self.address), "GET", "?versions")
        if status != 404 and b"<Key>" in answer:
            sys.exit(f"{who} left objects behind")


def busy_seconds(process):
    """For how long a running process has been on a processor, in threads that have ended, too: the emulator begins one
    for each object that is deleted. None where the system doesn't tell (proc_pid_stat(5))."""
    try:
        stat = pathlib.Path(f"/proc/{process.pid}/stat").read_text()
    except OSError:
        return None
    # The second field, in parentheses, may hold anything.
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Comparison:
    """One emulator, and what is measured on it."""

    def __init__(self, qfleet, aws, emulator):
        self.qfleet, self.aws, self.emulator = qfleet, aws, emulator
        self.plain = without_aws()
        self.there = ["--local", "--endpoint-url", emulator.endpoint]

    def measured(self, command, env):
        """The run, and the share of it that the emulator was busy."""
        before = busy_seconds(self.emulator.process)
        one = run(command, env)
        after = busy_seconds(self.emulator.process)
        busy = None if before is None else (after - before) / (one.wall_ms / 1000)
        return one, busy

    def empty(self, objects, name, command, env):
        """A deployed environment's bucket with so many objects, emptied by a command that is made of its name."""
        self.emulator.reset()
        deploy = [self.qfleet, "deploy", ENVIRONMENT_FILE, "--yes", *self.there, "--output", "json"]
        deployed = subprocess.run(deploy, cwd=ROOT, env=self.plain, capture_output=True, check=True).stdout
        bucket = Bucket(self.emulator, json.loads(deployed)["outputs"]["intake"]["BucketName"])
        bucket.fill(objects)
        measured = self.measured(command(bucket.name), env)
        bucket.must_be_empty(name)
        return measured

    def with_qfleet(self, objects):
        command = [self.qfleet, "destroy", ENVIRONMENT_FILE, "--yes", *self.there]
        return self.empty(objects, "qfleet", lambda _: command, self.plain)

    def with_boto3(self, objects):
        command = [sys.executable, "-c", BOTO3, self.emulator.endpoint]
        return self.empty(objects, "boto3", lambda bucket: [*command, bucket], self.plain | KEYS)

    def with_aws(self, objects):
        command = [self.aws, "--endpoint-url", self.emulator.endpoint, "s3", "rm", "--recursive", "--only-show-errors"]
        return self.empty(objects, "aws", lambda bucket: [*command, f"s3://{bucket}"], self.plain | KEYS)


def show(name, one, busy, objects):
    share = "" if busy is None else f"   emulator busy {min(busy, 1):4.0%}"
    print(f"  {name:32} {one.wall_ms / 1000:8.2f} s  {objects / one.wall_ms * 1000:8.0f} objects/s "
          f"{one.cpu_ms / 1000:8.2f} s CPU {one.peak_mb:7.1f} MB{share}", flush=True)  # fmt: skip


def compare(qfleet, aws, ministack, quick, limits):
    objects = QUICK if quick else OBJECTS
    began = time.monotonic()
    emulator = Emulator(ministack)
    try:
        comparison = Comparison(qfleet, aws, emulator)
        print(f"\na bucket with {objects:,} objects")
        few, _ = comparison.with_qfleet(objects // 10)
        ours, busy = comparison.with_qfleet(objects)
        show("qfleet destroy, its stacks too", ours, busy, objects)
        boto3, busy = comparison.with_boto3(objects)
        show("boto3, object_versions.delete()", boto3, busy, objects)
        theirs, busy = comparison.with_aws(objects)
        show("aws s3 rm --recursive", theirs, busy, objects)
    finally:
        emulator.stop()
    faster = theirs.wall_ms / ours.wall_ms
    print(f"  ratio, qfleet to aws: {1 / faster:.3f} of the time; to boto3: {ours.wall_ms / boto3.wall_ms:.3f}")
    print(f"  memory: {few.peak_mb:.1f} MB with {objects // 10:,} objects, {ours.peak_mb:.1f} MB with {objects:,}: "
          f"{ours.peak_mb / few.peak_mb:.3f}")  # fmt: skip
    print(f"  measured in {time.monotonic() - began:.0f} s")
    limits.hold(f"{FASTER} times faster than aws s3 rm", faster >= FASTER)
    limits.hold(f"ten times the objects take at most {FLAT} times the memory", ours.peak_mb <= FLAT * few.peak_mb)
