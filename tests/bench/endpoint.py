"""The scriptable endpoint of the tests (tests/it/bench_server.rs), served for the benchmark."""

import json
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass

from measure import ROOT, without_aws

# How long a change set is in the making, in seconds.
CHANGE_SET = 2.0
PATIENCE = 60


class Server:
    """The process. Its stdin takes orders, its stdout gives answers; it ends when it is closed."""

    def __init__(self, ministack):
        build = ["cargo", "test", "--locked", "--quiet", "--test", "it", "--no-run", "--message-format=json"]
        built = subprocess.run(build, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if built.returncode != 0:
            sys.exit("the endpoint's tests can't be built")
        messages = (json.loads(line) for line in built.stdout.splitlines() if line.startswith("{"))
        # The program itself is built, too, and may come first.
        tests = (message for message in messages if message.get("target", {}).get("name") == "it")
        executable = next(filter(None, (message.get("executable") for message in tests)))
        # Its test checks requests against botocore's service model, which is found beside the emulator.
        self.process = subprocess.Popen(
            [executable, "--exact", "bench_server::serve", "--ignored", "--nocapture"],
            cwd=ROOT,
            env=without_aws() | {"QFLEET_MINISTACK": str(ministack)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("answer: "):
                self.lines.put(json.loads(line.removeprefix("answer: ")))
        self.lines.put(None)

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.lines.get(timeout=PATIENCE)
        if answer is None:
            sys.exit("the endpoint ended by itself")
        return answer

    def world(self):
        return World(self, self.order(serve={"change_sets_take": CHANGE_SET})["url"])

    def close(self):
        self.process.stdin.close()
        return self.process.wait(timeout=PATIENCE)


@dataclass
class World:
    """One account on the endpoint, with nobody else in it."""

    server: Server
    url: str

    def takes(self, stack, resource, seconds):
        self.server.order(takes={"url": self.url, "stack": stack, "resource": resource, "seconds": seconds})

    def look(self):
        seen = self.server.order(look={"url": self.url})
        if seen["complaints"]:
            sys.exit(f"requests that the endpoint refuses: {seen['complaints']}")
        return seen

    def env(self):
        """What leads a program here."""
        return without_aws() | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-2",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
