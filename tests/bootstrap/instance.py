"""What an instance finds around it: its metadata service, and the Auto Scaling API."""

import hashlib
import hmac
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

REGION = "us-east-2"
KEY, SECRET, TOKEN = "ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjE+/A=="
# The form of the answers: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingInstances.html
# and the same page's neighbours; of the errors: …/CommonErrors.html.
NAMESPACE = "http://autoscaling.amazonaws.com/doc/2011-01-01/"


class Instance:
    """The metadata service of one instance, version 2 only, and the Auto Scaling API that knows the instance."""

    ID = "i-0123456789abcdef0"
    GROUP = "photo-lab-move-Group-1ABC"

    def __init__(self) -> None:
        credentials = {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": TOKEN}
        self.paths = {
            "instance-id": self.ID,
            "autoscaling/target-lifecycle-state": "InService",
            # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
            "iam/security-credentials/": "photo-lab-move-role",
            "iam/security-credentials/photo-lab-move-role": json.dumps(credentials, indent=2, separators=(",", " : ")),
            "services/domain": "amazonaws.com",
        }
        self.tokens: set[str] = set()
        self.waits = False
        """Whether the group has got as far as Terminating:Wait."""
        self.calls: list[dict[str, str]] = []
        """Those that Auto Scaling took."""
        self.refused: list[str] = []
        self.url = ""

    def terminate(self, waits: bool = True) -> None:
        self.paths["autoscaling/target-lifecycle-state"] = "Terminated"
        self.waits = waits

    def interrupt(self, seconds: float) -> None:
        time = (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.paths["spot/instance-action"] = f'{{"action": "terminate", "time": "{time}"}}'

    def actions(self) -> list[str]:
        return [call["Action"] for call in self.calls]

    def answer(self, call: dict[str, str]) -> tuple[int, str]:
        """Status and body of what Auto Scaling answers."""
        action = call.get("Action", "")
        inside = ""
        if action == "DescribeAutoScalingInstances":
            if call.get("InstanceIds.member.1") == self.ID:
                inside = (
                    f"\n    <AutoScalingInstances>\n      <member>\n        <InstanceId>{self.ID}</InstanceId>\n"
                    f"        <AutoScalingGroupName>{self.GROUP}</AutoScalingGroupName>\n      </member>\n"
                    "    </AutoScalingInstances>\n  "
                )
        elif action in ("CompleteLifecycleAction", "RecordLifecycleActionHeartbeat"):
            known = call.get("AutoScalingGroupName"), call.get("LifecycleHookName"), call.get("InstanceId")
            if not self.waits or known != (self.GROUP, "drain", self.ID):
                message = f"No active Lifecycle Action found with instance ID {self.ID}"
                return 400, _error("ValidationError", message)
            if action == "CompleteLifecycleAction" and call.get("LifecycleActionResult") != "CONTINUE":
                return 400, _error("ValidationError", "1 validation error detected")
        else:
            return 400, _error("InvalidAction", f"Could not find operation {action} for version 2011-01-01")
        self.calls.append(call)
        body = f'<{action}Response xmlns="{NAMESPACE}">\n  <{action}Result>{inside}</{action}Result>\n</{action}Response>\n'
        return 200, body

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Instance"]:
        instance = cls()

        class Handler(_Handler):
            def do_PUT(self) -> None:
                if self.path != "/latest/api/token" or not self.headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
                    return self.reply(400, "")
                token = f"token-{len(instance.tokens)}"
                instance.tokens.add(token)
                self.reply(200, token)

            def do_GET(self) -> None:
                if self.headers.get("X-aws-ec2-metadata-token") not in instance.tokens:
                    return self.reply(401, "")
                value = instance.paths.get(self.path.removeprefix("/latest/meta-data/"))
                self.reply(404, "") if value is None else self.reply(200, value)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                wrong = _wrong_signature(self.command, self.path, dict(self.headers.items()), body)
                if wrong:
                    instance.refused.append(wrong)
                    return self.reply(403, _error("SignatureDoesNotMatch", wrong))
                status, answer = instance.answer({n: v[0] for n, v in parse_qs(body.decode()).items()})
                if status != 200:
                    instance.refused.append(answer)
                self.reply(status, answer)

        server = _Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        instance.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield instance
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        # A client that is killed, or doesn't wait any longer, is no news.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*args)


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass

    def reply(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


def _error(code: str, message: str) -> str:
    error = f"<Error>\n    <Type>Sender</Type>\n    <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>"
    return f'<ErrorResponse xmlns="{NAMESPACE}">\n  {error}\n</ErrorResponse>\n'


def _wrong_signature(method: str, path: str, headers: dict[str, str], body: bytes) -> str | None:
    """What is wrong with a request's signature, version 4
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)."""
    given = {name.lower(): value.strip() for name, value in headers.items()}
    if given.get("x-amz-security-token") != TOKEN:
        return "the role's session token is missing"
    scheme, _, rest = given.get("authorization", "").partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    names = parts.get("SignedHeaders", "").split(";")
    if scheme != "AWS4-HMAC-SHA256" or not {"host", "x-amz-date"} <= set(names):
        return f"no signature of version 4: {given.get('authorization')}"
    key_id, _, scope = parts["Credential"].partition("/")
    date = given["x-amz-date"]
    if (key_id, scope) != (KEY, f"{date[:8]}/{REGION}/autoscaling/aws4_request"):
        return f"signed by or for somebody else: {parts['Credential']}"
    if any(name not in given for name in names):
        return f"a signed header is missing: {names}"
    canonical = [method, path, "", *(f"{name}:{given[name]}" for name in names), "", ";".join(names)]
    canonical.append(hashlib.sha256(body).hexdigest())
    to_sign = ["AWS4-HMAC-SHA256", date, scope, hashlib.sha256("\n".join(canonical).encode()).hexdigest()]
    key = f"AWS4{SECRET}".encode()
    for part in [*scope.split("/"), "\n".join(to_sign)]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return None if key.hex() == parts["Signature"] else f"the signature doesn't match: {names}"
