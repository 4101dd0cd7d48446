"""A real emulator over HTTP, and the worker as the process that an instance runs."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

# qfleet packs this folder as it is: nothing may be left in it.
sys.dont_write_bytecode = True
PROGRAM = Path(__file__).parent.parent
sys.path.insert(0, str(PROGRAM))

ACCOUNT = "111122223333"
REGION = "us-east-2"
# A port on which nobody listens: for what must not be there.
NOBODY = "http://127.0.0.1:9"


def eventually(check: Callable[[], Any], seconds: float = 60.0, what: str = "it") -> Any:
    """The first true answer of `check`."""
    end = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen within {seconds} s; last answer: {answer!r}", pytrace=False)
        time.sleep(0.05)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    ministack = Path(sys.executable).parent / "ministack"
    if not ministack.exists():
        pytest.fail(f"{ministack} is missing: pip install 'ministack==1.5.33' cbor2 beside pytest", pytrace=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("ministack")
    environment = os.environ | {
        "MINISTACK_HOST": "127.0.0.1",
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        "GATEWAY_PORT": str(port),
    }
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([ministack], env=environment, cwd=folder, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        if process.poll() is not None:
            pytest.fail(f"ministack ended at start: {(folder / 'log').read_text()}", pytrace=False)
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(answers, what="the start of ministack")
        yield url
    finally:
        process.terminate()
        process.wait(60)


@dataclass
class Lab:
    """One stage: a bucket that tells a queue of its uploads, and the queue's dead letters."""

    endpoint: str
    folder: Path
    name: str
    visibility_timeout: int = 30
    max_receives: int = 3
    processes: list["Process"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.s3 = self.client("s3")
        self.sqs = self.client("sqs")
        self.bucket = self.name
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.dead, dead_arn = self.new_queue("dead")
        redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": self.max_receives}
        self.queue, self.queue_arn = self.new_queue(
            "queue", VisibilityTimeout=str(self.visibility_timeout), RedrivePolicy=json.dumps(redrive)
        )

    def notify_queue(self) -> None:
        self._notify("Queue", self.queue_arn)

    def notify_through_topic(self) -> None:
        sns = self.client("sns")
        topic = sns.create_topic(Name=self.name)["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.queue_arn)
        self._notify("Topic", topic)

    def _notify(self, kind: str, arn: str) -> None:
        target = {
            f"{kind}Arn": arn,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "uploads/"}]}},
        }
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={f"{kind}Configurations": [target]}
        )

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",
        )

    def new_queue(self, name: str, **attributes: str) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=f"{self.name}-{name}", Attributes=attributes)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    def put(self, key: str, body: bytes = b"content", **more: Any) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def get(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def keys(self) -> set[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def waiting(self, url: str | None = None) -> tuple[int, int]:
        """Messages that wait, and messages in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=url or self.queue, AttributeNames=names)["Attributes"]
        return int(answer[names[0]]), int(answer[names[1]])

    def settings(self) -> dict[str, str]:
        return {
            "QFLEET_ENVIRONMENT": "test",
            "QFLEET_STAGE": "move",
            "QFLEET_QUEUE_URL": self.queue,
            "QFLEET_BUCKET": self.bucket,
            "QFLEET_UPLOADS_PREFIX": "uploads/",
            "QFLEET_PROCESSED_PREFIX": "processed/",
            "QFLEET_VISIBILITY_TIMEOUT_SECONDS": str(self.visibility_timeout),
            "QFLEET_MESSAGES_AT_ONCE": "4",
            "MOVER_POLL_SECONDS": "1",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def start(self, **settings: str) -> "Process":
        process = Process(self.settings() | settings, self.folder / f"worker-{len(self.processes)}.log")
        self.processes.append(process)
        return process


class Process:
    """`run`, started as the service on an instance starts it: with its settings and hardly anything else."""

    def __init__(self, settings: dict[str, str], log: Path) -> None:
        self.log_file = log
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        with open(log, "w") as out:
            self.popen = subprocess.Popen(
                [PROGRAM / "run"], env=settings | {"PATH": path}, stdout=out, stderr=subprocess.STDOUT, cwd=log.parent
            )

    def log(self) -> str:
        return self.log_file.read_text()

    def says(self, text: str) -> None:
        eventually(lambda: text in self.log() or self.popen.poll() is not None, what=f"{text!r} in the log")
        assert text in self.log(), self.log()

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.popen.send_signal(number)

    def ends(self) -> int:
        return self.popen.wait(60)

    def stop(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


NUMBERS = itertools.count(1)


@pytest.fixture
def new_lab(endpoint: str, tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    labs: list[Lab] = []

    def make(**options: int) -> Lab:
        labs.append(Lab(endpoint, tmp_path, f"lab-{next(NUMBERS)}", **options))
        return labs[-1]

    yield make
    for lab in labs:
        for process in lab.processes:
            process.stop()


@pytest.fixture
def lab(new_lab: Callable[..., Lab]) -> Lab:
    return new_lab()
