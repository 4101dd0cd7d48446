"""Tells the next stages about a moved file."""

from datetime import datetime, timezone
from typing import Any

from mover.events import event_for
from mover.settings import Settings


class Announcer:
    def __init__(self, sqs: Any, settings: Settings) -> None:
        self.sqs = sqs
        self.settings = settings

    def __call__(self, key: str, size: int, etag: str, sequencer: str) -> None:
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        body = event_for(self.settings.bucket, key, size, etag, self.settings.region, now, sequencer)
        for url in self.settings.next_queue_urls:
            self.sqs.send_message(QueueUrl=url, MessageBody=body)
