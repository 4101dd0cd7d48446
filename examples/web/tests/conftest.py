"""A real emulator over HTTP, and the page as the process that an instance runs."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
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
TABLE = "lab-results"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


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


def listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "it ended at start"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    ministack = Path(sys.executable).parent / "ministack"
    if not ministack.exists():
        pytest.fail(f"{ministack} is missing: pip install 'ministack==1.5.33' cbor2 beside pytest", pytrace=False)
    port = free_port()
    folder = tmp_path_factory.mktemp("ministack")
    environment = os.environ | {
        "MINISTACK_HOST": "127.0.0.1",
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        "GATEWAY_PORT": str(port),
    }
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([ministack], env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        eventually(lambda: listens(port, process), what="the start of ministack")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Page:
    port: int
    process: subprocess.Popen[bytes]
    bucket: str
    queue_url: str
    events_url: str
    s3: Any
    sqs: Any
    dynamodb: Any

    def says(self, name: str, state: str, detail: str = "", stage: str = "move", **more: Any) -> None:
        """What a worker writes down of an upload."""
        item = {"Job": "uploads/" + name, "Stage": stage, "State": state, "Detail": detail}
        item |= {"UpdatedAt": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"}
        typed = {key: {"S": value} for key, value in item.items()}
        self.dynamodb.put_item(TableName=TABLE, Item=typed | more)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        said = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return said

    def link(self, name: Any, **headers: str) -> Answer:
        headers.setdefault("Content_Type", "application/json")
        return self.ask("POST", "/api/links", json.dumps({"name": name}).encode(), **headers)


def post_form(link: dict[str, Any], content: bytes, **changed: str) -> int:
    """What the page's JavaScript does with a link: a form with its fields, and the file last."""
    boundary = "b" * 30
    fields = link["fields"] | changed
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\nContent-Type: text/html\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    where = link["url"].split("/", 3)
    connection = http.client.HTTPConnection(where[2], timeout=30)
    connection.request("POST", "/" + where[3], body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    status = connection.getresponse().status
    connection.close()
    return status


def settings(port: int, bucket: str, queue_url: str) -> dict[str, str]:
    return {
        "PORT": str(port),
        "QFLEET_ENVIRONMENT": "lab",
        "QFLEET_FEEDS": f"move={queue_url}",
        "QFLEET_BUCKET": bucket,
        "QFLEET_UPLOADS_PREFIX": "uploads/",
        "QFLEET_PROCESSED_PREFIX": "processed/",
        "QFLEET_RESULTS_TABLE": TABLE,
        "AWS_REGION": REGION,
        "PAGE_LARGEST_MIB": "1",
    }


@pytest.fixture(scope="session")
def page(endpoint: str) -> Iterator[Page]:
    session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="local", region_name=REGION)
    s3, sqs, dynamodb = (session.client(service, endpoint_url=endpoint) for service in ("s3", "sqs", "dynamodb"))
    bucket = "lab-files"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    # As in the template of `results`.
    keys = [("Job", "HASH"), ("Stage", "RANGE")]
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
    )
    queue_url = sqs.create_queue(QueueName="lab-move")["QueueUrl"]
    events_url = sqs.create_queue(QueueName="lab-events")["QueueUrl"]
    told = {"QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:lab-events", "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [told]})
    port = free_port()
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | settings(port, bucket, queue_url)
    environment |= {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    process = subprocess.Popen([PROGRAM / "run"], env=environment)
    try:
        eventually(lambda: listens(port, process), what="the start of the page")
        yield Page(port, process, bucket, queue_url, events_url, s3, sqs, dynamodb)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, "it ends in order"
