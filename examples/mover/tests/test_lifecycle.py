"""The end of an instance, told by its metadata service and taken back by its group."""

import time
from collections.abc import Iterator

import pytest
from conftest import Lab, Process, eventually
from mover.lifecycle import MARGIN
from mover.metadata import Metadata, Unreachable
from servers import Instance, between
from test_worker import SlowCopies


@pytest.fixture
def instance() -> Iterator[Instance]:
    with Instance.running() as running:
        yield running


def start(lab: Lab, instance: Instance, **more: str) -> Process:
    own = {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url,
        "AWS_ENDPOINT_URL_AUTO_SCALING": instance.url,
        "QFLEET_LIFECYCLE_HOOK": "drain",
    }
    return lab.start(**own | more)


def test_finishes_then_lets_the_group_go_on(lab: Lab, instance: Instance) -> None:
    lab.notify_queue()
    slow = SlowCopies()
    with between(lab.endpoint, slow) as s3:
        worker = start(lab, instance, AWS_ENDPOINT_URL_S3=s3)
        lab.put("uploads/a")
        slow.wait_for(1)
        instance.terminate()
        worker.says("stopping: the group terminates this instance")
        eventually(lambda: "RecordLifecycleActionHeartbeat" in instance.actions(), what="a heartbeat")
        assert "CompleteLifecycleAction" not in instance.actions()
        slow.go.set()
        assert worker.ends() == 0
    assert lab.keys() == {"processed/a"}
    assert lab.waiting() == (0, 0)
    assert instance.actions()[-1] == "CompleteLifecycleAction"
    last = instance.calls[-1]
    assert last["AutoScalingGroupName"] == Instance.GROUP
    assert last["InstanceId"] == Instance.ID
    assert last["LifecycleHookName"] == "drain"
    assert last["LifecycleActionResult"] == "CONTINUE"


def test_gives_work_back_before_a_spot_instance_is_taken(lab: Lab, instance: Instance) -> None:
    lab.notify_queue()
    slow = SlowCopies()
    with between(lab.endpoint, slow) as s3:
        worker = start(lab, instance, AWS_ENDPOINT_URL_S3=s3)
        lab.put("uploads/a")
        slow.wait_for(1)
        instance.interrupt(MARGIN + 5)
        worker.says("stopping: EC2 takes this spot instance back")
        worker.says("finishing 1 messages in hand")
        assert worker.ends() == 0
        assert "no time left to finish: 1 messages in hand" in worker.log()
        assert lab.waiting() == (1, 0)
        assert lab.keys() == {"uploads/a"}
        slow.go.set()
    # The group isn't waiting yet, so there is nothing to complete.
    assert instance.actions() == []


def test_a_signal_alone_leaves_the_group_alone(lab: Lab, instance: Instance) -> None:
    worker = start(lab, instance)
    worker.says("stage move")
    worker.signal()
    assert worker.ends() == 0
    assert instance.actions() == []


def test_a_signal_while_the_group_waits_completes_its_hook(lab: Lab, instance: Instance) -> None:
    worker = start(lab, instance)
    worker.says("stage move")
    time.sleep(0.3)
    worker.signal()
    instance.terminate()
    assert worker.ends() == 0
    assert instance.actions() == ["DescribeAutoScalingInstances", "CompleteLifecycleAction"]


def test_without_a_hook_it_just_ends(lab: Lab, instance: Instance) -> None:
    instance.terminate()
    worker = start(lab, instance, QFLEET_LIFECYCLE_HOOK="")
    assert worker.ends() == 0
    assert instance.actions() == []


def test_metadata_renews_its_token(instance: Instance) -> None:
    metadata = Metadata(instance.url)
    assert metadata.instance_id() == Instance.ID
    instance.tokens = {"another"}
    assert not metadata.terminating()
    assert metadata.seconds_to_interruption() is None
    assert len(instance.tokens) == 2


def test_an_odd_spot_notice_is_a_notice(instance: Instance) -> None:
    for odd in ("", "{}", "[]", '{"time": "soon"}', "null"):
        instance.paths["spot/instance-action"] = odd
        assert Metadata(instance.url).seconds_to_interruption() == 120
    instance.interrupt(100)
    assert 90 < Metadata(instance.url).seconds_to_interruption() <= 100


def test_no_metadata_is_said_so() -> None:
    with pytest.raises(Unreachable):
        Metadata("http://127.0.0.1:9").instance_id()
