"""What is done with a message, by an instance's worker and by a function alike."""

import time
from typing import Any

import boto3
from botocore.config import Config

from mover.announce import Announcer
from mover.events import uploads_in
from mover.move import Mover
from mover.settings import Settings


class Work:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # Answers to long polls take up to 20 s; a copy of 5 GB may take minutes.
        self.sqs = self._client("sqs", read_timeout=30)
        self.s3 = self._client("s3", read_timeout=600)
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
            time.sleep(self.settings.seconds_per_file)
            self.mover.move(upload)

    def _client(self, service: str, read_timeout: int) -> Any:
        config = Config(
            connect_timeout=5,
            read_timeout=read_timeout,
            retries={"mode": "standard"},
            # A connection for each thread; a part copy uses some more.
            max_pool_connections=self.settings.messages_at_once * 4 + 4,
        )
        return boto3.client(service, region_name=self.settings.region, config=config)
