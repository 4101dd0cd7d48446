"""What is done with a message, by an instance's worker and by a function alike."""

import time
from typing import Any

import boto3
from botocore.config import Config

from mover.announce import Announcer
from mover.events import Upload, uploads_in
from mover.log import describe
from mover.move import Mover
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

    def __call__(self, body: str) -> None:
        """When it returns, the message is done; when it raises, the message has to come again."""
        for upload in uploads_in(body):
            self._write(upload, WORKING)
            try:
                time.sleep(self.settings.seconds_per_file)
                came_of_it = self.mover.move(upload)
            except Exception as error:
                self._write(upload, FAILED, describe(error))
                raise
            self._write(upload, DONE, came_of_it)

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
