"""A batch of messages within the time that there is for it, and which of them have to come again."""

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import boto3

from mover.deliver import Outcome, deliver
from mover.log import log
from mover.reply import JOB_ID
from mover.settings import Settings
from mover.work import Work

# What is left of the time for the answer, at most. Without an answer Lambda has the whole batch delivered again.
SECONDS_FOR_THE_ANSWER = 1.0


class NothingDone(Exception):
    """Every message of a batch failed, and none of them because it is bad: then something else is.

    An exception fails the batch just as well as naming each message does. But only with an exception it counts as an
    error of the function, which is what people and alarms look at.
    """


class Batches:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.work = Work(settings)
        # Lambda's runtimes bring a boto3 of their own, which may be older than the one this program was tested with.
        copy = self.work.s3.meta.service_model.operation_model("CopyObject").input_shape
        if "IfNoneMatch" not in copy.members:
            raise RuntimeError(
                f"boto3 {boto3.__version__} can't copy on the condition that the destination hasn't changed: put the "
                "one that requirements.txt names into the package"
            )

    def handle(self, event: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Lambda's answer for a batch with partial failures; `seconds` are left for it.

        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
        """
        end = time.monotonic() + seconds - min(SECONDS_FOR_THE_ANSWER, seconds / 4)
        records = event["Records"]
        pool = ThreadPoolExecutor(self.settings.messages_at_once, "work")
        begun = [pool.submit(self._one, record, end, len(records) - number) for number, record in enumerate(records)]
        wait(begun, max(0.0, end - time.monotonic()))
        # Work that doesn't end in time is left alone: it is frozen with its thread, and may go on with the next batch.
        # The message's next delivery finds how far it came, as it does after a crash.
        pool.shutdown(wait=False, cancel_futures=True)
        outcomes = [_outcome(record, future) for record, future in zip(records, begun, strict=True)]
        if set(outcomes) == {Outcome.FAILED}:
            raise NothingDone(f"all {len(records)} messages of a batch failed; the log says why")
        failed = [
            record["messageId"]
            for record, outcome in zip(records, outcomes, strict=True)
            if outcome is not Outcome.DONE
        ]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def _one(self, record: dict[str, Any], end: float, left: int) -> Outcome:
        """`left` messages, with this one, share the time that is left."""
        if time.monotonic() + self.settings.seconds_per_file >= end:
            log.warning("message %s: no time is left to begin it; it will be delivered again", record["messageId"])
            return Outcome.FAILED
        share = max(0.0, end - time.monotonic()) / left
        deliveries = record["attributes"]["ApproximateReceiveCount"]
        # Lambda's names begin with a small letter (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
        job = record.get("messageAttributes", {}).get(JOB_ID, {}).get("stringValue")
        return deliver(record["messageId"], deliveries, record["body"], lambda body: self.work(body, job, share))


def _outcome(record: dict[str, Any], future: "Future[Outcome]") -> Outcome:
    if future.done() and not future.cancelled():
        return future.result()
    log.warning("message %s isn't done in time and will be delivered again", record["messageId"])
    return Outcome.FAILED
