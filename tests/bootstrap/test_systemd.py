"""The boot script, the watcher and the units on a real systemd: what becomes of a worker when its instance is to go."""

import gzip
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance import REGION, Instance
from machine import Machine, why_not

WORKER = Path(__file__).parents[2] / "templates" / "worker"
REASON = why_not()
pytestmark = pytest.mark.skipif(
    # Where everything must hold, a machine without systemd is no excuse; one that forbids namespaces is.
    REASON is not None and not ("not installed" in REASON and "CI" in os.environ),
    reason=f"not tried on a real systemd: {REASON}",
)

# What would reach beyond the machine, or take long.
COMMANDS = {
    "bin/dnf": "#!/bin/sh\nexit 1\n",
    "bin/apt-get": "#!/bin/sh\nexit 1\n",
    # The boot script looks at the worker for 15 s: long enough here, too, for one that ends at once.
    "bin/sleep": "#!/bin/sh\nexec /bin/sleep 0.1\n",
    # Whoever can see processes looks at them whenever something is asked for, and at the disk.
    "bin/curl": """#!/bin/sh
cat /proc/[0-9]*/cmdline >>/shared/processes 2>/dev/null
grep -rlsF -f /shared/looked-for /etc /opt/qfleet /var/log /var/tmp /tmp >>/shared/found
exec /usr/bin/curl "$@"
""",
    "looked-for": "hunter2",
}


@pytest.fixture
def boot(tmp_path: Path, instance: Instance) -> Iterator[Callable[..., Machine]]:
    machines = []

    def start(
        run: str, drain: int = 30, deploying: bool = True, secrets: str = "", more: str = "", **numbers: float
    ) -> Machine:
        """A machine that runs a program of this script, the watcher's numbers changed to these."""
        # As they stand in the user data: without comments.
        scripts = {path.name: re.sub(r"(?m)^\s*# .*\n", "", path.read_text()) for path in WORKER.glob("*.sh")}
        watch, script = scripts["watch.sh"], scripts["bootstrap.sh"]
        watch = re.sub(r"(?m)sleep \d+$", "sleep 0.1", watch)
        script = script.replace("RestartSec=5", "RestartSec=0.2")
        # Its clock goes on by an hour at each look, as soon as a test lets it.
        later = "if hopeless; then"
        assert later in watch
        watch = watch.replace(later, f"[ ! -e /shared/hours-pass ] || SECONDS=$((SECONDS + 3600)); {later}")
        # The second SIGTERM comes once the first one is heard: bash, which stands still meanwhile, takes two for one.
        second = "[ $left -le $last ]"
        assert watch.count(second) == 1
        watch = watch.replace(second, f"{second} && grep -q 'got SIGTERM' /var/log/qfleet/worker.log")
        for name, number in {"beat": 0.1, **numbers}.items():
            watch, found = re.subn(rf"(?m)^{name}=\d+$", f"{name}={number}", watch)
            assert found == 1, name
        packed = tarball("run", f"#!/bin/bash\n{run}\n")
        key = f"bucket/programs/move/{hashlib.sha256(gzip.decompress(packed)).hexdigest()}.tar.gz"
        instance.objects[key] = packed
        environment = f"""\
QFLEET_STACK_ID=arn:aws:cloudformation:{REGION}:111122223333:stack/photo-lab-move/1
QFLEET_GROUP_LOGICAL_ID=Group
QFLEET_PROGRAM={key}
QFLEET_BOOT_REPORTS=bucket/boot-failures/move
QFLEET_LOG_GROUP=/qfleet/photo-lab/move
QFLEET_DRAIN_SECONDS={drain}
QFLEET_LIFECYCLE_HOOK=drain
AWS_REGION={REGION}
AWS_EC2_METADATA_SERVICE_ENDPOINT={instance.url}
AWS_ENDPOINT_URL={instance.url}
{more}"""
        user_data = f"""\
mkdir -p /etc/qfleet /opt/qfleet
cp /shared/*.sh /opt/qfleet/
cp /shared/bootstrap.env /etc/qfleet/
printf '%s\\n' QFLEET_STAGE=move 'QFLEET_SECRETS="{secrets}"' >/etc/qfleet/worker.env
exec /bin/bash /opt/qfleet/bootstrap.sh
"""
        # It runs with an environment of its own, in which the system's commands come first.
        reader = scripts["secrets.sh"].replace("umask 077\n", "umask 077\nPATH=/shared/bin:$PATH\n")
        changed = {"watch.sh": watch, "bootstrap.sh": script, "secrets.sh": reader}
        files = {**COMMANDS, **scripts, **changed, "boot": user_data, "bootstrap.env": environment}
        instance.deploying = deploying
        machines.append(Machine(tmp_path, files))
        return machines[-1]

    yield start
    for machine in machines:
        machine.end()


def tarball(name: str, text: str) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(text.encode()), 0o755
        tar.addfile(entry, io.BytesIO(text.encode()))
    return archive.getvalue()


# Works for ever, and finishes what it has in hand.
POLITE = """\
echo "up as $(id -un) in $(pwd) for $QFLEET_STAGE"
trap 'echo "got SIGTERM"; sleep 0.3; echo finished; exit 0' TERM
while :; do sleep 0.1; done
"""


def test_a_worker_finishes_when_its_instance_is_to_go(boot: Callable[..., Machine], instance: Instance) -> None:
    machine = boot(POLITE)
    machine.eventually(lambda: instance.signals)
    assert [signal["Status"] for signal in instance.signals] == ["SUCCESS"]
    machine.says("up as qfleet in /opt/qfleet/program for move")
    instance.terminate(waits=False)
    machine.says("finished")
    # The group says Terminated before it waits, and then refuses.
    machine.says("CompleteLifecycleAction doesn't succeed: No active Lifecycle Action found")
    assert "CompleteLifecycleAction" not in instance.actions()
    instance.waits = True
    machine.says("the group was told that the work is done")
    assert instance.actions() == ["DescribeAutoScalingInstances", "CompleteLifecycleAction"]
    lines = machine.log().splitlines()
    assert [line for line in lines if "doesn't succeed" not in line] == [
        "up as qfleet in /opt/qfleet/program for move",
        "qfleet: the group terminates this instance: the worker gets SIGTERM, and 30 s to finish",
        "got SIGTERM",
        "finished",
        "qfleet: the worker has ended",
        "qfleet: the group was told that the work is done",
    ]


def test_a_worker_that_does_not_end_is_told_again_and_killed(boot: Callable[..., Machine], instance: Instance) -> None:
    # Much of its time is between the second signal and its end.
    machine = boot("trap 'echo \"got SIGTERM\"' TERM; echo up; while :; do sleep 0.1; done", drain=12, last=10)
    machine.says("up")
    instance.terminate()
    machine.says("the group was told that the work is done")
    said = machine.log()
    assert said.count("got SIGTERM") == 2
    assert said.index("it gets a second SIGTERM") < said.index("qfleet: the worker has ended")
    # Its time in the hook is begun anew, because the worker's time began later, but not at each look.
    heartbeats = instance.actions().count("RecordLifecycleActionHeartbeat")
    assert 1 <= heartbeats < 10, instance.actions()
    assert instance.actions()[-1] == "CompleteLifecycleAction"


def test_a_load_balancer_lets_go_of_an_instance_before_its_program_ends(
    boot: Callable[..., Machine], instance: Instance
) -> None:
    machine = boot(POLITE, more="QFLEET_DEREGISTRATION_SECONDS=1\n")
    machine.eventually(lambda: instance.signals)
    instance.terminate()
    machine.says("the group was told that the work is done")
    said = machine.log()
    waits = said.index("the load balancer has 1 s to let go of it")
    assert waits < said.index("got SIGTERM") < said.index("qfleet: the worker has ended")
    # The group has told it.
    assert not instance.deregistered


def test_of_a_spot_notice_the_load_balancer_is_told_before_the_program_ends(
    boot: Callable[..., Machine], instance: Instance
) -> None:
    machine = boot(POLITE, more=f"QFLEET_DEREGISTRATION_SECONDS=1\nQFLEET_TARGET_GROUP={instance.TARGET_GROUP}\n")
    machine.eventually(lambda: instance.signals)
    instance.interrupt(60)
    machine.says("the load balancer has 1 s to let go of it")
    assert instance.deregistered and "got SIGTERM" not in machine.log()
    machine.says("qfleet: the worker has ended")


def test_before_ec2_takes_a_spot_instance_back_its_worker_is_told(boot: Callable[..., Machine], instance: Instance) -> None:
    machine = boot("trap 'echo \"got SIGTERM\"; [ $((n += 1)) -lt 2 ] || exit 0' TERM; while :; do sleep 0.1; done")
    machine.eventually(lambda: instance.signals)
    # Earlier than the worker's own 30 s would be over. The second SIGTERM comes 10 s before.
    instance.interrupt(15)
    machine.says("qfleet: EC2 takes this spot instance back: the worker gets SIGTERM")
    machine.says("qfleet: the worker has ended")
    assert machine.log().count("got SIGTERM") == 2
    # The group isn't waiting yet: there is nothing to complete.
    assert instance.actions() == []
    instance.terminate()
    machine.says("the group was told that the work is done")


def test_an_instance_that_is_to_go_while_it_boots_starts_no_worker(
    boot: Callable[..., Machine], instance: Instance
) -> None:
    instance.terminate()
    machine = boot("echo up; sleep 600")
    machine.says("the group was told that the work is done")
    machine.eventually((machine.shared / "booted").exists)
    assert "starting the worker" in (machine.shared / "boot.log").read_text()
    assert "up" not in machine.log().splitlines()
    assert instance.signals == []


def test_a_worker_that_never_keeps_running_costs_its_instance(boot: Callable[..., Machine]) -> None:
    machine = boot("echo up; exit 1", deploying=False)
    machine.eventually(lambda: machine.log().splitlines().count("up") > 3)
    assert "given up" not in machine.log()
    (machine.shared / "hours-pass").touch()
    machine.says("the worker hasn't kept running for 120 s on end in 2700 s: this instance is given up")
    machine.powers_off()


def test_a_deployment_hears_of_a_worker_that_can_not_work_at_once(
    boot: Callable[..., Machine], instance: Instance
) -> None:
    machine = boot("echo QFLEET_BUCKET is not set; exit 2")
    machine.powers_off()
    assert [signal["Status"] for signal in instance.signals] == ["FAILURE"]
    report = instance.objects[f"bucket/boot-failures/move/{instance.ID}.txt"].decode()
    assert report.startswith("starting the worker (exit status 2) failed: QFLEET_BUCKET is not set")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# Tells what it has of its secrets, but not what they say.
TELLS = """\
until [ ! -e /run/qfleet/secrets.env ]; do sleep 0.1; done
for name in $TOLD; do echo "$name: $(printf %s "${!name}" | sha256sum)"; done
"""


def test_secrets_reach_the_worker_and_nothing_else(boot: Callable[..., Machine], instance: Instance) -> None:
    arn = "arn:aws:secretsmanager:us-east-2:111122223333:secret:app/key-AbC123"
    password = "hunter2 'and' \"$HOME\" `id` %n \\n \\ # ; \t😀 end\\"
    key = "-----BEGIN KEY-----\n" + "hunter2/+=\n" * 40 + "-----END KEY-----\n"
    instance.parameters["/app/db"] = password
    instance.secrets[arn] = key
    tells = TELLS.replace("$TOLD", "DB_PASSWORD API_KEY")
    machine = boot(f"{tells}cat /run/qfleet/secrets.env\n{POLITE}", secrets=f"DB_PASSWORD=/app/db API_KEY={arn}")
    machine.says(f"DB_PASSWORD: {digest(password)}")
    machine.says(f"API_KEY: {digest(key)}")
    machine.eventually(lambda: instance.signals)
    assert [signal["Status"] for signal in instance.signals] == ["SUCCESS"]
    # The worker itself runs on, with them in its environment.
    machine.says("up as qfleet")
    processes = (machine.shared / "processes").read_bytes()
    assert b"secrets.sh" in processes and b"GetSecretValue" in processes
    for text in (processes.decode(errors="replace"), (machine.shared / "found").read_text(), machine.story()):
        assert "hunter2" not in text
    assert (machine.shared / "found").read_text() == ""


def test_a_secret_that_is_not_there_fails_the_boot_with_its_name(
    boot: Callable[..., Machine], instance: Instance
) -> None:
    machine = boot("echo up; sleep 600", secrets="DB_PASSWORD=/app/db")
    machine.powers_off()
    assert [signal["Status"] for signal in instance.signals] == ["FAILURE"]
    report = instance.objects[f"bucket/boot-failures/move/{Instance.ID}.txt"].decode()
    says = "the worker doesn't start without the secret DB_PASSWORD (/app/db): ParameterNotFound"
    assert report.startswith("starting the worker failed: ") and says in report
    assert "up" not in machine.log().splitlines()


def test_a_secret_that_was_changed_counts_from_the_next_start_on(
    boot: Callable[..., Machine], instance: Instance
) -> None:
    instance.parameters["/app/db"] = "before"
    run = TELLS.replace("$TOLD", "DB_PASSWORD")
    machine = boot(f"{run}exit 1", deploying=False, secrets="DB_PASSWORD=/app/db")
    machine.says(f"DB_PASSWORD: {digest('before')}")
    instance.parameters["/app/db"] = "after"
    machine.says(f"DB_PASSWORD: {digest('after')}")
