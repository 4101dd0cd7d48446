"""What Lambda calls with a batch of messages. `work.py` does the work, and is the file to change.

Lambda deletes the messages that aren't named in the answer. Those that are come back later, and after `max_receives`
deliveries go to the dead-letter queue. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import logging
import os
from typing import Any

import boto3

import work

NEXT = os.environ.get("QFLEET_NEXT_QUEUE_URLS", "").split()
# What is left of the timeout when no other message is begun: longer than one of them takes.
MARGIN_MS = 10_000

log = logging.getLogger()
log.setLevel(logging.INFO)
sqs = boto3.client("sqs")


def handler(batch: dict[str, Any], context: Any) -> dict[str, Any]:
    failed = []
    for record in batch["Records"]:
        try:
            if context.get_remaining_time_in_millis() < MARGIN_MS:
                raise TimeoutError("no time is left for it")
            for body in work.handle(record["body"]):
                for url in NEXT:
                    sqs.send_message(QueueUrl=url, MessageBody=body)
        except Exception:
            log.exception("message %s failed, and will be delivered again", record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    if len(failed) == len(batch["Records"]):
        # Something is wrong that isn't one message's fault. Only an exception counts as an error of the function, which is
        # what alarms look at.
        raise RuntimeError(f"all {len(failed)} messages of a batch failed; the log says why")
    return {"batchItemFailures": failed}
