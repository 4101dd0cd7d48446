"""Secrets, read by whoever wasn't given them. A worker is: its instance reads them before each start. A function reads them
itself, when it starts."""

import os
from collections.abc import MutableMapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from mover.log import describe
from mover.settings import SettingsError


def read(environment: MutableMapping[str, str] = os.environ) -> None:
    """Puts those into the environment that QFLEET_SECRETS names and that aren't there, as in
    `DB_PASSWORD=/app/db API_KEY=arn:aws:secretsmanager:…`."""
    problems = []
    for pair in environment.get("QFLEET_SECRETS", "").split():
        name, _, place = pair.partition("=")
        if name in environment:
            continue
        try:
            environment[name] = _value(place, environment.get("AWS_REGION"))
        except (BotoCoreError, ClientError, KeyError) as error:
            # Of one that isn't text, there is no SecretString.
            why = "it is no text" if isinstance(error, KeyError) else describe(error)
            problems.append(f"the secret {name} can't be read from {place}: {why}")
    if problems:
        raise SettingsError(problems)


def _value(place: str, region: str | None) -> str:
    def client(service: str) -> Any:
        return boto3.client(service, region_name=region)

    if place.startswith("/"):
        return client("ssm").get_parameter(Name=place, WithDecryption=True)["Parameter"]["Value"]
    return client("secretsmanager").get_secret_value(SecretId=place)["SecretString"]
