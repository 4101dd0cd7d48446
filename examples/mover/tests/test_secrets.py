import sys

import pytest
from conftest import PROGRAM, Lab
from mover import secrets
from mover.settings import SettingsError

VALUE = "hunter2 $HOME \"q\" \\n\n😀"


def environment(lab: Lab, places: str) -> dict[str, str]:
    return lab.settings() | {"QFLEET_SECRETS": places}


@pytest.fixture
def arn(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a secret; and the parameter /app/db is there."""
    for name, value in lab.settings().items():
        monkeypatch.setenv(name, value)
    lab.client("ssm").put_parameter(Name="/app/db", Value=VALUE, Type="SecureString", Overwrite=True)
    return lab.client("secretsmanager").create_secret(Name=lab.name, SecretString=VALUE)["ARN"]


def test_those_that_are_not_there_are_read(lab: Lab, arn: str) -> None:
    variables = environment(lab, f"DB_PASSWORD=/app/db API_KEY={arn} GIVEN=/nowhere") | {"GIVEN": "by systemd"}
    secrets.read(variables)
    assert [variables[name] for name in ("DB_PASSWORD", "API_KEY", "GIVEN")] == [VALUE, VALUE, "by systemd"]


def test_without_secrets_nobody_is_asked(lab: Lab) -> None:
    for places in ({}, {"QFLEET_SECRETS": ""}):
        variables = {"AWS_REGION": "nowhere"} | places
        secrets.read(variables)
        assert variables == {"AWS_REGION": "nowhere"} | places


def test_all_that_can_not_be_read_are_named_and_nothing_is_told(lab: Lab, arn: str) -> None:
    lab.client("secretsmanager").create_secret(Name=f"{lab.name}-binary", SecretBinary=b"hunter2")
    with pytest.raises(SettingsError) as failed:
        secrets.read(environment(lab, f"GOOD=/app/db A=/nowhere B={arn[:-6]}nobody C={lab.name}-binary"))
    first, second, third = failed.value.problems
    assert first.startswith("the secret A can't be read from /nowhere: ") and "ParameterNotFound" in first
    assert second.startswith(f"the secret B can't be read from {arn[:-6]}nobody: ")
    assert third == f"the secret C can't be read from {lab.name}-binary: it is no text"
    assert "hunter2" not in str(failed.value)


def test_a_worker_without_one_says_so_and_ends(lab: Lab) -> None:
    worker = lab.start(QFLEET_SECRETS="DB_PASSWORD=/nowhere")
    assert worker.ends() == 2
    assert "the secret DB_PASSWORD can't be read from /nowhere: " in worker.log()
