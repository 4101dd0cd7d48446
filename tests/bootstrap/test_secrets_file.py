"""What the worker's secrets become on their way into its environment: the script alone, with a shell to read its file."""

import os
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from instance import REGION, Instance

WORKER = Path(__file__).parents[2] / "templates" / "worker"
ARN = "arn:aws:secretsmanager:us-east-2:111122223333:secret:app/db-AbC123"
PEM = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC/+==\n" * 26 + "-----END PRIVATE KEY-----\n"


@pytest.fixture
def read(tmp_path: Path, instance: Instance) -> Callable[[str], tuple[int, str, Path]]:
    def run(secrets: str) -> tuple[int, str, Path]:
        for folder in ("etc/qfleet", "opt/qfleet", "run"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name in ("aws.sh", "secrets.sh"):
            moved = re.sub(r"(?<![\w./{}$])/(etc|opt|run)/", rf"{tmp_path}/\1/", (WORKER / name).read_text())
            (tmp_path / "opt/qfleet" / name).write_text(moved.replace("sleep $try", "sleep 0"))
        near = f"AWS_EC2_METADATA_SERVICE_ENDPOINT={instance.url}\nAWS_ENDPOINT_URL={instance.url}\nAWS_REGION={REGION}\n"
        (tmp_path / "etc/qfleet/bootstrap.env").write_text(near)
        quote = '"' if " " in secrets else ""
        last = f"QFLEET_SECRETS={quote}{secrets}{quote}\n" if secrets else ""
        (tmp_path / "etc/qfleet/worker.env").write_text(f'QFLEET_STAGE=move\nNOTE="$(id)=\\""\n{last}')
        done = subprocess.run(
            ["/bin/bash", tmp_path / "opt/qfleet/secrets.sh"],
            env={"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout, tmp_path / "run/qfleet/secrets.env"

    return run


@pytest.mark.parametrize(
    "value",
    [
        "hunter2",
        "",
        " leading, trailing ",
        "$HOME ${HOME} $(id) `id` %n %% # ; = ! ~ *",
        "\\ \\\\ \\n \\u0041 \\\" ' \"\" end\\",
        PEM,
        "\n\n\ttabs and new lines at both ends\n\n",
        "ü ñ \u0080 \u07ff \u0800 € \ud7ff \ue000 \ufffd 😀 \U0010ffff",
        '{"username": "app", "password": "Value\\"SecretString\\": \\"x"}',
        "0123456789abcdef" * 4000,
    ],
    ids=["plain", "empty", "spaces", "shell", "backslashes", "pem", "lines", "unicode", "json", "64000 bytes"],
)
def test_a_value_arrives_as_it_is(
    read: Callable[[str], tuple[int, str, Path]], instance: Instance, value: str
) -> None:
    instance.parameters["/app/db"] = instance.secrets[ARN] = value
    code, said, file = read(f"ONE=/app/db TWO={ARN}")
    assert (code, said) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # systemd reads what is in double quotes as a shell does.
    script = ". $0; printf '%s\\0' \"$ONE\" \"$TWO\""
    shell = subprocess.run(["/bin/sh", "-c", script, file], capture_output=True, check=True, env={})
    assert shell.stdout.decode() == f"{value}\0{value}\0"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a\r\nb", "it has a control character"),
        ("a\x7f", "it has a control character"),
        ("a\x1b[0m", "it has a control character"),
        ("a\0b", "it has a zero byte"),
        ("\ufeffa", "it has a byte order mark"),
        ("a\uffff", "it has a byte order mark, or what is no character"),
        ("half \ud83d", "it has no text"),
    ],
    ids=["windows", "delete", "escape", "zero", "byte order mark", "no character", "half a character"],
)
def test_what_systemd_would_not_take_is_refused(
    read: Callable[[str], tuple[int, str, Path]], instance: Instance, value: str, why: str
) -> None:
    instance.parameters |= {"/good": "good", "/app/db": value}
    code, said, file = read("GOOD=/good DB_PASSWORD=/app/db")
    assert code == 1
    assert f"qfleet: the worker doesn't start without the secret DB_PASSWORD (/app/db): {why}" in said
    assert "good" not in said and not file.exists()


def test_one_that_is_not_there_is_named(read: Callable[[str], tuple[int, str, Path]], instance: Instance) -> None:
    instance.parameters["/good"] = "good"
    code, said, file = read("GOOD=/good DB_PASSWORD=/app/db")
    assert (code, file.exists()) == (1, False)
    assert "doesn't start without the secret DB_PASSWORD (/app/db): ParameterNotFound\n" in said
    code, said, file = read(f"GOOD=/good API={ARN}")
    assert (code, file.exists()) == (1, False)
    assert f"the secret API ({ARN}): ResourceNotFoundException: Secrets Manager can't find the specified secret.\n" in said


def test_a_throttled_read_is_tried_again(read: Callable[[str], tuple[int, str, Path]], instance: Instance) -> None:
    instance.parameters["/app/db"] = "hunter2"
    instance.throttled = 3
    code, said, _ = read("DB_PASSWORD=/app/db")
    assert code == 0 and "hunter2" not in said
    instance.throttled = 4
    code, said, _ = read("DB_PASSWORD=/app/db")
    assert code == 1 and "(/app/db): ThrottlingException: Rate exceeded" in said


def test_nothing_is_read_where_there_are_none(read: Callable[[str], tuple[int, str, Path]], instance: Instance) -> None:
    code, said, file = read("")
    assert (code, said, file.read_text(), instance.tokens) == (0, "", "", set())
