"""A whole environment deployed to the local emulator, against the aws command and the largest template alone."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from measure import ROOT, in_turn, run, show, without_aws

ENVIRONMENT_FILE = "stacks/lab.yaml"


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
    command = [qfleet, "render", ENVIRONMENT_FILE, "--local", "--output", "json"]
    rendered = json.loads(subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True).stdout)
    stack = max(rendered["stacks"], key=lambda stack: len(stack["template"]))
    overrides = []
    for name, value in stack["parameters"].items():
        ((kind, value),) = value.items()
        if kind == "output":
            value = "arn:aws:sns:us-east-1:000000000000:bench" if value["key"].endswith("Arn") else "bench"
        elif kind == "zones":
            value = "us-east-1a,us-east-1b,us-east-1c"
        overrides.append(f"{name}={value}")
    return stack["template"], overrides


def compare(qfleet, aws, ministack, runs, limits):
    plain = without_aws()
    emulator = Emulator(ministack)
    try:
        template, overrides = largest_template(qfleet, plain)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(template)
            file.flush()
            endpoint = emulator.endpoint
            keys = {
                "AWS_ACCESS_KEY_ID": "000000000000",
                "AWS_SECRET_ACCESS_KEY": "local",
                "AWS_DEFAULT_REGION": "us-east-1",
            }

            def deploy_all():
                emulator.reset()
                return run([qfleet, "deploy", ENVIRONMENT_FILE, "--yes", "--local", "--endpoint-url", endpoint], plain)

            def deploy_largest():
                emulator.reset()
                command = [aws, "--endpoint-url", endpoint, "cloudformation", "deploy", "--stack-name", "bench"]
                command += ["--template-file", file.name, "--capabilities", "CAPABILITY_IAM"]
                return run([*command, "--parameter-overrides", *overrides], plain | keys)

            ours, theirs = in_turn(runs, deploy_all, deploy_largest)
            show(
                f"qfleet deploy {ENVIRONMENT_FILE}, all its stacks",
                ours,
                "aws cloudformation deploy, largest template alone",
                theirs,
            )
            limits.hold("the whole deploy is faster than the peer's of one template", ours.wall_ms < theirs.wall_ms)
    finally:
        emulator.stop()
