"""Notices that the instance must go, and tells its Auto Scaling group when it may."""

import time
from typing import Any

from botocore.exceptions import ClientError

from mover.drain import Drain
from mover.log import describe, log
from mover.metadata import Metadata, Unreachable

BEAT = 2.0
# Where there has never been a metadata service, it is asked rarely.
RARE_BEAT = 30.0
# A spot instance is gone at the time that its notice names. Giving messages back must be over by then.
MARGIN = 15.0
# The shortest heartbeat timeout that a hook can have is 30 s.
HOOK_BEAT = 10.0


class Watcher:
    def __init__(self, metadata: Metadata, drain: Drain) -> None:
        self.metadata = metadata
        self.drain = drain

    def watch(self) -> None:
        """Runs for ever, in a thread of its own: a spot notice may come while a drain is under way."""
        reached, said = False, False
        while True:
            try:
                self.look()
                reached = True
            except Unreachable as error:
                if not said:
                    log.info("no instance metadata, so nobody will tell when this machine goes away: %s", error)
                    said = True
            time.sleep(BEAT if reached else RARE_BEAT)

    def look(self) -> None:
        left = self.metadata.seconds_to_interruption()
        if left is not None:
            self.drain.begin("EC2 takes this spot instance back", max(0.0, left - MARGIN))
        if not self.drain.terminating and self.metadata.terminating():
            self.drain.terminating = True
            self.drain.begin("the group terminates this instance")


class TerminationHook:
    """Keeps the group waiting while work is finished, and lets it go on afterwards.

    Nothing here may stop a worker from ending: if a call fails, the hook's own timeout does the rest.
    """

    def __init__(self, autoscaling: Any, metadata: Metadata, name: str) -> None:
        self.autoscaling = autoscaling
        self.metadata = metadata
        self.name = name
        self._instance: dict[str, str] | None = None
        self._next_beat = 0.0

    def beat(self) -> None:
        """To be called often; calls AWS from time to time."""
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + HOOK_BEAT
        self._call("extend", self.autoscaling.record_lifecycle_action_heartbeat)

    def complete(self) -> None:
        if self._call("complete", self.autoscaling.complete_lifecycle_action, LifecycleActionResult="CONTINUE"):
            log.info("completed the termination hook %s", self.name)

    def _call(self, what: str, operation: Any, **more: str) -> bool:
        try:
            operation(LifecycleHookName=self.name, **self._who(), **more)
            return True
        except (ClientError, Unreachable, LookupError) as error:
            # Also the answer of a group that isn't waiting: a spot notice can come before the group acts on it.
            log.warning("could not %s the termination hook %s: %s", what, self.name, error)
        except Exception as error:
            log.warning("could not %s the termination hook %s: %s", what, self.name, describe(error))
        return False

    def _who(self) -> dict[str, str]:
        if self._instance is None:
            instance = self.metadata.instance_id()
            found = self.autoscaling.describe_auto_scaling_instances(InstanceIds=[instance] if instance else [])
            groups = [i["AutoScalingGroupName"] for i in found["AutoScalingInstances"] if i["InstanceId"] == instance]
            if not groups:
                raise LookupError(f"instance {instance} is in no Auto Scaling group")
            self._instance = {"InstanceId": instance, "AutoScalingGroupName": groups[0]}
        return self._instance
