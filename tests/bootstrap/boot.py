"""Boots a worker without a machine: the very script of the user data, with its folders moved under a temporary one, and
stubs in the place of the commands that would touch the machine, which remember what they were asked. curl is this
machine's own.
"""

import gzip
import hashlib
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from instance import REGION, Instance

SCRIPT = Path(__file__).parents[2] / "templates" / "worker" / "bootstrap.sh"

STACK = "arn:aws:cloudformation:us-east-2:111122223333:stack/photo-lab-move/51af3dc0-da77-11e4-872e-1234567db123"
# A program is named by the SHA-256 of its archive, which stands for `0a1b` where there is one.
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
        fi
        # Lists that can't be fetched are a warning, by default.
        left=$(says updates-without-network || echo 0)
        if [ "$left" -gt 0 ]; then
          echo $((left - 1)) >"$ROOT/updates-without-network"
          echo "W: Some index files failed to download. They have been ignored, or old ones used instead." >&2
          case "$*" in *APT::Update::Error-Mode=any*) exit 100 ;; esac
          exit 0
        fi
        : >"$ROOT/lists" ;;
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
TOOLS = "bash cat chmod cp curl dirname env grep head mkdir mktemp pwd rm seq sh sha256sum stat tail tar gzip tee tr".split()


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


def boot(
    root: Path,
    instance: Instance,
    program: dict[str, str],
    env: str = BOOTSTRAP_ENV,
    family: str = "al2023",
    goes_away: bool = False,
    lies: bytes | None = None,
    **says: object,
) -> Boot:
    """`lies`: what lies in the bucket under the program's name, in its place."""
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
    if goes_away:
        (root / "run/qfleet").mkdir(parents=True)
        (root / "run/qfleet/goes-away").touch()
    for name, text in program.items():
        executable(root / "source" / name, text)
    with tarfile.open(root / "program.tar", "w") as tar:
        for name in program:
            tar.add(root / "source" / name, name)
    if program:
        archive = (root / "program.tar").read_bytes()
        name = hashlib.sha256(archive).hexdigest()
        env = env.replace("0a1b", name)
        instance.objects[f"bucket/programs/move/{name}.tar.gz"] = gzip.compress(archive) if lies is None else lies
    near = f"AWS_EC2_METADATA_SERVICE_ENDPOINT={instance.url}\nAWS_ENDPOINT_URL={instance.url}\n"
    (root / "etc/qfleet/bootstrap.env").write_text(near + env)
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


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o775)


# A program that runs.
GOOD = {"run": "#!/bin/sh\necho working\n"}
