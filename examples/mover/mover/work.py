"""What is done with a message, by an instance's worker and by a function alike."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config

from mover.announce import Announcer
from mover.events import BadMessage, Upload, keys_asked_for, uploads_in
from mover.log import describe, log
from mover.move import Mover
from mover.reply import Replier
from mover.results import DONE, FAILED, WORKING, Results
from mover.settings import Settings


class Work:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
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

    def __call__(self, body: str, job: str | None = None) -> None:
        """When it returns, the message is done; when it raises, the message has to come again.

        `job` is the job's id, where its sender gave it one. A bad one is then done with when its sender was told: a dead
        letter would tell somebody else.
        """
        try:
            moved = self._move(body)
        except BadMessage as error:
            if not self.reply.wanted(job):
                raise
            log.error("job %s can't be done, and its sender is told: %s", job, error)
            self.reply(job, "failed", reason=str(error))
            return
        if self.reply.wanted(job):
            self.reply(job, "done", moved=moved)

    def _move(self, body: str) -> int:
        moved = 0
        for upload in self._uploads(body):
            self._write(upload, WORKING)
            try:
                time.sleep(self.settings.seconds_per_file)
                came_of_it = self.mover.move(upload)
            except Exception as error:
                self._write(upload, FAILED, describe(error))
                raise
            self._write(upload, DONE, came_of_it)
            moved += came_of_it.startswith("moved")
        return moved

    def _uploads(self, body: str) -> Iterator[Upload]:
        bucket = self.settings.bucket
        asked_for = keys_asked_for(body)
        if asked_for is None:
            yield from uploads_in(body)
        elif not asked_for.startswith(self.settings.uploads_prefix):
            raise BadMessage(f"{asked_for} is not under {self.settings.uploads_prefix}")
        elif not asked_for.endswith("/"):
            # Of all keys that begin so, it is the first.
            page = self.s3.list_objects_v2(Bucket=bucket, Prefix=asked_for, MaxKeys=1)
            found = [found for found in page.get("Contents", []) if found["Key"] == asked_for]
            yield self._found(found[0]) if found else Upload(bucket, asked_for)
        else:
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=asked_for)
            for page in pages:
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
