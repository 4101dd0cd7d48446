"""A machine of the test's own: systemd as process 1 of namespaces, over this machine's files, which it can't change."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A cgroup of its own, which is gone when the machine is. Then new namespaces, and in them the machine's files.
OUTSIDE = r"""
set -eu
mount --make-rprivate /
mkdir -p "$M/cgroup"
mount -t cgroup2 cgroup2 "$M/cgroup"
group=$M/cgroup/qfleet-test-$$
mkdir "$group"
ended() {
  for _ in $(seq 100); do
    # What was killed may take a moment.
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && return
    sleep 0.05
  done
}
trap ended EXIT
trap 'kill -KILL $machine' TERM
sh -c 'echo $$ >"$1/cgroup.procs"; exec unshare --cgroup --pid --mount --uts --ipc --fork --kill-child sh "$2"' \
  sh "$group" "$M/inside" &
machine=$!
wait $machine || code=$?
# A signal to this shell ends the first wait.
wait $machine || code=$?
exit "${code:-0}"
"""
INSIDE = r"""
set -eu
root=$M/root
mkdir -p "$root" "$M/changes"
mount -t tmpfs tmpfs "$M/changes"
mkdir "$M/changes/upper" "$M/changes/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$M/changes/upper,workdir=$M/changes/work" "$root"
# Of this machine's services none runs in it, and nothing of the kernel's is set from it.
for folder in etc/systemd/system lib/systemd/system/sysinit.target.wants lib/systemd/system/local-fs.target.wants; do
  mount -t tmpfs tmpfs "$root/$folder"
done
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder"; done
chmod 1777 "$root/tmp"
for device in null zero full random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir -p "$root/shared" "$root/var/log/qfleet"
mount --bind "$M/shared" "$root/shared"
mount --bind "$M/logs" "$root/var/log/qfleet"
. "$M/prepare"
exec env -i container=qfleet-test PATH="$PATH" chroot "$root" "$systemd" --unit=machine.target --show-status=no \
  --log-level=warning
"""
# What is done in it: `boot`, as cloud-init would.
PREPARE = r"""
systemd=/lib/systemd/systemd
printf '[Unit]\nWants=boot.service\n' >"$root/etc/systemd/system/machine.target"
cat >"$root/etc/systemd/system/boot.service" <<END
[Service]
Type=oneshot
Environment=PATH=/shared/bin:$PATH
ExecStart=/bin/bash /shared/boot
StandardOutput=append:/shared/boot.log
StandardError=inherit
ExecStopPost=/bin/touch /shared/booted
END
"""


def why_not() -> str | None:
    """Why there can be no such machine here; none, when there can."""
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed (on Debian and Ubuntu: apt-get install systemd)"
    if os.geteuid() != 0:
        return "only root can start systemd in namespaces of its own"
    probe = "mount --make-rprivate / && mount -t cgroup2 cgroup2 /mnt && mkdir /mnt/qfleet-test-$$ && rmdir /mnt/qfleet-test-$$"
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "sh", "-c", probe], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"no namespaces and cgroups may be made here: {tried.stderr.strip()}"


class Machine:
    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        """Boots. Of `files`, which lie in /shared, it runs `boot`, with those in bin before the system's commands."""
        self.folder = folder
        self.shared = folder / "shared"
        (self.shared / "bin").mkdir(parents=True)
        (folder / "logs").mkdir()
        for name, text in files.items():
            (self.shared / name).write_text(text)
            (self.shared / name).chmod(0o755)
        (folder / "inside").write_text(INSIDE)
        (folder / "prepare").write_text(PREPARE)
        (folder / "outside").write_text(OUTSIDE)
        self.said = folder / "machine.log"
        with open(self.said, "w") as out:
            self.popen = subprocess.Popen(
                ["unshare", "--mount", "sh", folder / "outside"],
                env={"PATH": os.environ["PATH"], "M": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def log(self) -> str:
        """The worker's log, as it is shipped."""
        log = self.folder / "logs/worker.log"
        return log.read_text() if log.exists() else ""

    def eventually(self, check: Callable[[], Any], seconds: float = 60.0) -> Any:
        """The first true answer of `check`."""
        end = time.monotonic() + seconds
        while not (answer := check()):
            assert time.monotonic() < end and self.popen.poll() is None, self.story()
            time.sleep(0.02)
        return answer

    def says(self, text: str) -> None:
        self.eventually(lambda: text in self.log())

    def powers_off(self) -> None:
        """Waits until it is off. (The kernel ends process 1 of a namespace by SIGINT then.)"""
        assert self.popen.wait(60) == 128 + signal.SIGINT, self.story()

    def story(self) -> str:
        boot = self.shared / "boot.log"
        parts = [self.said.read_text(), boot.read_text() if boot.exists() else "", self.log()]
        return f"ended: {self.popen.poll()}\n" + "\n--\n".join(parts)

    def end(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
            self.popen.wait(60)
        shutil.rmtree(self.folder / "root", ignore_errors=True)
