"""Requests that this machine's curl signs, and a server that knows the signatures of AWS's own client for Python."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from instance import KEY, REGION, SECRET, TOKEN, Instance

AWS = Path(__file__).parents[2] / "templates" / "worker" / "aws.sh"


@pytest.fixture
def sh(tmp_path: Path, instance: Instance) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script that has read in aws.sh. What curl was asked stands in the file `asked`."""
    (tmp_path / "curl").write_text(
        f'#!/bin/bash\nprintf "%s\\n" "$*" >>{tmp_path}/asked\nexec {shutil.which("curl")} "$@"\n'
    )
    (tmp_path / "curl").chmod(0o755)

    def run(script: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f"set -euo pipefail\n. {AWS}\n{script}"],
            env={
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "AWS_REGION": REGION,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url,
                "AWS_ENDPOINT_URL": instance.url,
                **env,
            },
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_an_object_of_s3(sh: Callable[..., subprocess.CompletedProcess[str]], instance: Instance, tmp_path: Path) -> None:
    instance.objects["bucket/programs/move/0a1b.tar.gz"] = bytes(range(256)) * 1000
    done = sh(f"signed s3 bucket/programs/move/0a1b.tar.gz -o {tmp_path}/program")
    assert (done.returncode, done.stderr) == (0, ""), (done, instance.refused)
    assert (tmp_path / "program").read_bytes() == bytes(range(256)) * 1000


def test_an_object_put_into_s3(sh: Callable[..., subprocess.CompletedProcess[str]], instance: Instance) -> None:
    done = sh("signed s3 bucket/a/i-1.txt -X PUT -H 'Content-Type: text/plain' --data-binary 'install failed: é 100%'")
    assert done.returncode == 0, (done, instance.refused)
    assert instance.objects == {"bucket/a/i-1.txt": "install failed: é 100%".encode()}


def test_an_error_is_printed(sh: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = sh("signed s3 bucket/nothing")
    assert done.returncode == 22
    assert "<Code>NoSuchKey</Code>" in done.stdout and "404" in done.stderr


def test_a_call_with_json(sh: Callable[..., subprocess.CompletedProcess[str]], instance: Instance) -> None:
    asked = []
    instance.json_answer = lambda *call: (asked.append(call), (200, b'{"Parameter": {}}'))[1]  # type: ignore[method-assign]
    done = sh(
        "signed ssm '' -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AmazonSSM.GetParameter' "
        """--data-binary '{"Name": "/app/ü", "WithDecryption": true}'"""
    )
    assert (done.returncode, done.stdout) == (0, '{"Parameter": {}}'), (done, instance.refused)
    assert asked == [("AmazonSSM.GetParameter", {"Name": "/app/ü", "WithDecryption": True})]


def test_no_list_of_processes_shows_the_credentials(
    sh: Callable[..., subprocess.CompletedProcess[str]], instance: Instance, tmp_path: Path
) -> None:
    instance.objects["bucket/key"] = b""
    assert sh("signed s3 bucket/key").returncode == 0
    asked = (tmp_path / "asked").read_text()
    assert "--aws-sigv4" in asked
    assert not [part for part in (KEY, SECRET, TOKEN) if part in asked]


def test_without_a_role_nothing_is_sent(
    sh: Callable[..., subprocess.CompletedProcess[str]], instance: Instance, tmp_path: Path
) -> None:
    del instance.paths["iam/security-credentials/"]
    assert sh("signed s3 bucket/key").returncode != 0
    assert "sigv4" not in (tmp_path / "asked").read_text()


@pytest.mark.parametrize(
    ("service", "path", "domain", "url"),
    [
        ("s3", "a-bucket/a/key", "amazonaws.com", "https://a-bucket.s3.us-east-2.amazonaws.com/a/key"),
        ("ssm", "", "amazonaws.com.cn", "https://ssm.us-east-2.amazonaws.com.cn/"),
    ],
)
def test_endpoints(
    sh: Callable[..., subprocess.CompletedProcess[str]],
    instance: Instance,
    tmp_path: Path,
    service: str,
    path: str,
    domain: str,
    url: str,
) -> None:
    instance.paths["services/domain"] = domain
    # Nothing is there: it shall not leave this machine.
    sh(f"signed {service} '{path}' --proxy http://127.0.0.1:9", AWS_ENDPOINT_URL="")
    assert (tmp_path / "asked").read_text().splitlines()[-1].endswith(f" {url}")
