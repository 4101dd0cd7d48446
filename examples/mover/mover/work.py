"""What is done with a message, by an instance's worker and by a function alike."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from mover.announce import Announcer
from mover.events import BadMessage, Job, Upload, job_in, uploads_in
from mover.log import describe, log
from mover.move import Mover
from mover.reply import JOB_ID, Replier
from mover.results import DONE, FAILED, WORKING, Results
from mover.settings import Settings


# How long to work on one job of many files before the rest of it is sent on. Well within the time for which SQS keeps a
# message invisible, and short enough that a worker that is killed loses little: each delivery counts, and a job of hours
# would end among the dead letters.
SECONDS_PER_JOB = 600.0
# As SQS says it in its two protocols.
DENIED = ("AccessDenied", "AccessDeniedException")


class Work:
    def __init__(self, settings: Settings, stopping: Callable[[], bool] = lambda: False) -> None:
        """`stopping` says whether the worker is to end."""
        self.settings = settings
        self.stopping = stopping
        # Answers to long polls take up to 20 s; a copy of 5 GB may take minutes.
        self.sqs = self._client("sqs", read_timeout=30)
        self.s3 = self._client("s3", read_timeout=600)
        self.results = self._results()
        self.mover = Mover(
            self.s3,
            settings.bucket,
            settings.uploads_prefix,
            settings.processed_prefix,
            Announcer(self.sqs, settings),
        )
        self.reply = Replier(self.sqs, settings)

    def __call__(self, body: str, job: str | None = None, seconds: float = SECONDS_PER_JOB) -> None:
        """When it returns, the message is done; when it raises, the message has to come again.

        `job` is the job's id, where its sender gave it one. A bad one is then done with when its sender was told: a dead
        letter would tell somebody else. `seconds` is the time that there is; a job of many files that takes longer is done
        with when the rest of it is in the queue, as a job of its own.
        """
        end = time.monotonic() + seconds
        try:
            asked_for = job_in(body)
            if asked_for is None:
                moved = sum(self._move(upload) for upload in uploads_in(body))
            else:
                moved, rest = self._do(asked_for, seconds, end)
                if rest:
                    if self._send_on(rest, job):
                        return
                    moved, _ = self._do(rest, seconds, None)
        except BadMessage as error:
            if not self.reply.wanted(job):
                raise
            log.error("job %s can't be done, and its sender is told: %s", job, error)
            self.reply(job, "failed", reason=str(error))
            return
        if self.reply.wanted(job):
            self.reply(job, "done", moved=moved)

    def _do(self, job: Job, seconds: float, end: float | None) -> tuple[int, Job | None]:
        """How many files it has moved by now, and what is left of it. Without an `end` nothing is left."""
        moved, last = job.moved, None
        # For the file under way and the answer a fifth of the time is left, or as long as the slowest file took twice.
        slowest = max(seconds / 10, self.settings.seconds_per_file)
        for upload in self._uploads(job):
            began = time.monotonic()
            # At least one: a job that is only sent on would never end.
            if last is not None and end is not None and (self.stopping() or began + 2 * slowest > end):
                return moved, Job(job.move, last, moved)
            moved += self._move(upload)
            last = upload.key
            slowest = max(slowest, time.monotonic() - began)
        return moved, None

    def _send_on(self, rest: Job, job: str | None) -> bool:
        """To the stage's own queue; whether we may. Should we die before the job's own message is deleted, both are done:
        what one has moved, the other doesn't find."""
        attributes = {JOB_ID: {"DataType": "String", "StringValue": job}} if job else {}
        queue = self.settings.queue_url
        try:
            self.sqs.send_message(QueueUrl=queue, MessageBody=rest.body(), MessageAttributes=attributes)
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED:
                raise
            log.info("the rest of %s is not sent on, as we may not send to our own queue; it is done now", rest.move)
            return False
        log.info("%d files of %s are moved; the rest, after %s, is a job of its own", rest.moved, rest.move, rest.after)
        return True

    def _move(self, upload: Upload) -> bool:
        self._write(upload, WORKING)
        try:
            time.sleep(self.settings.seconds_per_file)
            came_of_it = self.mover.move(upload)
        except Exception as error:
            self._write(upload, FAILED, describe(error))
            raise
        self._write(upload, DONE, came_of_it)
        return came_of_it.startswith("moved")

    def _uploads(self, job: Job) -> Iterator[Upload]:
        bucket = self.settings.bucket
        if not job.move.startswith(self.settings.uploads_prefix):
            raise BadMessage(f"{job.move} is not under {self.settings.uploads_prefix}")
        if not job.move.endswith("/"):
            # Of all keys that begin so, it is the first.
            page = self.s3.list_objects_v2(Bucket=bucket, Prefix=job.move, MaxKeys=1)
            found = [found for found in page.get("Contents", []) if found["Key"] == job.move]
            yield self._found(found[0]) if found else Upload(bucket, job.move)
            return
        after = {"StartAfter": job.after} if job.after else {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=job.move, **after):
            yield from map(self._found, page.get("Contents", []))

    def _found(self, listed: dict[str, Any]) -> Upload:
        """With its ETag, by which the table of results tells this content from what was there before."""
        return Upload(self.settings.bucket, listed["Key"], listed["ETag"].strip('"'))

    def _write(self, upload: Upload, state: str, detail: str = "") -> None:
        if self.results:
            self.results.write(upload, state, detail)

    def _results(self) -> Results | None:
        settings = self.settings
        if not settings.results_table:
            return None
        # Short: a table that doesn't answer must not hold up the work.
        dynamodb = self._client("dynamodb", read_timeout=3, connect_timeout=2, total_max_attempts=2)
        return Results(dynamodb, settings.results_table, settings.stage, settings.results_ttl_seconds or None)

    def _client(self, service: str, read_timeout: int, connect_timeout: int = 5, **retries: int) -> Any:
        config = Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"mode": "standard", **retries},
            # A connection for each thread; a part copy uses some more.
            max_pool_connections=self.settings.messages_at_once * 4 + 4,
        )
        return boto3.client(service, region_name=self.settings.region, config=config)
