"""The log agent: what it ships, and from where it is installed."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from boot import GOOD, SCRIPT, STUB, Boot, executable
from instance import Instance


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
