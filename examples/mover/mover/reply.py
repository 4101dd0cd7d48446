"""Tells those who sent a job what became of it, where they gave it an id and there is a queue for replies.

A reply may be sent twice, as the work may be done twice: who waits takes the first one.
"""

import json
from typing import Any

from mover.settings import Settings

JOB_ID = "JobId"
"""The message attribute that names the job, in its message and in the reply."""


class Replier:
    def __init__(self, sqs: Any, settings: Settings) -> None:
        self.sqs = sqs
        self.url = settings.reply_queue_url

    def wanted(self, job: str | None) -> bool:
        return bool(job and self.url)

    def __call__(self, job: str, state: str, **more: Any) -> None:
        self.sqs.send_message(
            QueueUrl=self.url,
            MessageBody=json.dumps({"job": job, "state": state, **more}),
            MessageAttributes={JOB_ID: {"DataType": "String", "StringValue": job}},
        )
