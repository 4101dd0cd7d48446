"""The instance metadata service, version 2."""

import json
import urllib.error
import urllib.request
from datetime import datetime, timezone

TOKEN_SECONDS = 6 * 60 * 60


class Unreachable(Exception):
    """No answer, or none that makes sense: not an instance, or a passing trouble."""


class Metadata:
    def __init__(self, endpoint: str, timeout: float = 2.0) -> None:
        self.endpoint = endpoint
        self.timeout = timeout
        self._token = ""
        # Link-local: a proxy from the environment could only get in the way.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def instance_id(self) -> str | None:
        return self._get("instance-id")

    def terminating(self) -> bool:
        """Whether the instance's Auto Scaling group is taking it out of service."""
        return self._get("autoscaling/target-lifecycle-state") == "Terminated"

    def seconds_to_interruption(self) -> float | None:
        """Seconds until EC2 takes a spot instance back; None when it doesn't want to."""
        notice = self._get("spot/instance-action")
        if notice is None:
            return None
        try:
            time = datetime.strptime(json.loads(notice)["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        except (ValueError, KeyError, TypeError):
            return 120.0  # there is a notice, and it always comes two minutes before
        return (time - datetime.now(timezone.utc)).total_seconds()

    def _get(self, path: str) -> str | None:
        for renewed in (False, True):
            if not self._token or renewed:
                ttl = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
                self._token = self._request("PUT", "/latest/api/token", ttl)
            try:
                return self._request("GET", f"/latest/meta-data/{path}", {"X-aws-ec2-metadata-token": self._token})
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return None
                if error.code == 401 and not renewed:
                    continue  # the token has expired
                raise Unreachable(f"{path}: {error}") from None
        return None

    def _request(self, method: str, path: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(self.endpoint + path, method=method, headers=headers)
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            if method == "GET":
                raise
            raise Unreachable(f"no token: {error}") from None
        except (OSError, ValueError) as error:
            raise Unreachable(str(error)) from None
