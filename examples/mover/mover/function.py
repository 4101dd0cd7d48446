"""The same work as a Lambda function. Lambda receives the messages, and deletes those that aren't reported as failed."""

from typing import Any

from mover import log, secrets
from mover.batches import Batches
from mover.settings import Settings

# Once for each execution environment, before its first batch. What fails here fails each invocation, with its reason.
log.to_stdout()
secrets.read()
batches = Batches(Settings.from_environment())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return batches.handle(event, context.get_remaining_time_in_millis() / 1000)
