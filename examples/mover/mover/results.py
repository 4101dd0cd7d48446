"""Writes down what becomes of each upload in the environment's table of results, if it has one. The work never waits for
the table for long, and goes on without it."""

import os
import socket
import time
import urllib.request
from datetime import datetime, timezone
from typing import Any

from mover.events import Upload
from mover.log import describe, log

WORKING, DONE, FAILED = "working", "done", "failed"
LONGEST_DETAIL = 1000

# What is written about an upload holds unless the table knows better: of a later upload under the same key, or that this
# one is done already. S3's sequencers say which is later; where an event has none, as that of a `qfleet backfill`, only
# the same content is known again. A file that a job names and that isn't there has no content to tell.
_UNFINISHED = "#State <> :done"
_OTHER_CONTENT = f"{_UNFINISHED} OR #ETag <> :ETag"
WITHOUT_ORDER = f"attribute_not_exists(#Job) OR {_OTHER_CONTENT}"
WITHOUT_CONTENT = f"attribute_not_exists(#Job) OR {_UNFINISHED}"
IN_ORDER = (
    "attribute_not_exists(#Job) OR #Sequencer < :Sequencer"
    f" OR (#Sequencer = :Sequencer AND {_UNFINISHED})"
    f" OR (attribute_not_exists(#Sequencer) AND ({_OTHER_CONTENT}))"
)


class Results:
    def __init__(self, dynamodb: Any, table: str, stage: str, ttl_seconds: int | None) -> None:
        self.dynamodb = dynamodb
        self.table = table
        self.stage = stage
        self.ttl_seconds = ttl_seconds
        self.worker = name_of_worker()

    def write(self, upload: Upload, state: str, detail: str = "") -> None:
        try:
            self.dynamodb.update_item(**self._update(upload, state, detail))
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            log.info("%s is not written down as %s: the table knows better", upload.key, state)
        except Exception as error:  # whatever it is, a file that is moved is better than one that is written down
            log.warning("could not write down that %s is %s: %s", upload.key, state, describe(error))

    def _update(self, upload: Upload, state: str, detail: str) -> dict[str, Any]:
        values = {
            "State": {"S": state},
            "UpdatedAt": {"S": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"},
            "Worker": {"S": self.worker},
            "Detail": {"S": detail[:LONGEST_DETAIL]},
            "ETag": {"S": upload.etag},
        }
        expression, condition = "SET ", WITHOUT_ORDER if upload.etag else WITHOUT_CONTENT
        if upload.sequencer:
            values["Sequencer"] = {"S": comparable(upload.sequencer)}
            condition = IN_ORDER
        if self.ttl_seconds:
            values["ExpiresAt"] = {"N": str(int(time.time()) + self.ttl_seconds)}
        expression += ", ".join(f"#{name} = :{name}" for name in values)
        if not self.ttl_seconds:
            expression += " REMOVE #ExpiresAt"
        # Each by another name: DynamoDB has many words of its own, State among them.
        names = {"Job", "ExpiresAt", *values}
        return {
            "TableName": self.table,
            "Key": {"Job": {"S": upload.key}, "Stage": {"S": self.stage}},
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {f"#{name}": name for name in names},
            "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()} | {":done": {"S": DONE}},
        }


def comparable(sequencer: str) -> str:
    """Sequencers are hexadecimal and differ in length: the shorter one is filled up with zeros on its right
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html)."""
    return sequencer.upper().ljust(64, "0")


def name_of_worker() -> str:
    """What its lines in the log group are found by: an instance's id, or a function's log stream."""
    stream = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
    if stream:
        return stream
    metadata = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
    # No proxy knows this machine's metadata.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(path: str, method: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(f"{metadata}/latest/{path}", method=method, headers=headers)
        with opener.open(request, timeout=1) as answer:
            return str(answer.read().decode())

    try:
        token = ask("api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        return ask("meta-data/instance-id", "GET", {"X-aws-ec2-metadata-token": token})
    except OSError:
        return socket.gethostname()
