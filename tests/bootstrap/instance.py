"""What an instance finds around it: its metadata service, and AWS's APIs, which take signed requests only."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "us-east-2"
KEY, SECRET, TOKEN = "ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjE+/A=="
# The form of the answers: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingInstances.html
# and the same page's neighbours; of the errors: …/CommonErrors.html. CloudFormation speaks as Auto Scaling does
# (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SignalResource.html), S3 has its own errors
# (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
NAMESPACES = {
    "autoscaling": "http://autoscaling.amazonaws.com/doc/2011-01-01/",
    "cloudformation": "http://cloudformation.amazonaws.com/doc/2010-05-15/",
    "elasticloadbalancing": "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
}


class Instance:
    """The metadata service of one instance, version 2 only, and the APIs of the account and region that it runs in."""

    ID = "i-0123456789abcdef0"
    GROUP = "photo-lab-move-Group-1ABC"
    ADDRESS = "127.0.0.2"
    """The private one."""
    TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/photo-Targe-1ABC/73e2d6bc24d8a067"

    def __init__(self) -> None:
        credentials = {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": TOKEN}
        self.paths = {
            "instance-id": self.ID,
            "local-ipv4": self.ADDRESS,
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
        self.deploying = True
        """Whether CloudFormation waits for signals."""
        self.signals: list[dict[str, str]] = []
        """Those that it took."""
        self.objects: dict[str, bytes] = {}
        """By bucket and key."""
        self.parameters: dict[str, str] = {}
        """Of SSM, by name."""
        self.secrets: dict[str, str] = {}
        """Of Secrets Manager, by ARN."""
        self.throttled = 0
        """How many reads of secrets are refused for now."""
        self.public: dict[str, bytes] = {}
        """By path: what anybody may read."""
        self.health: list[int] = []
        """What the program answers to health checks of the private address, one after the other."""
        self.targets: list[tuple[str, str]] = [("healthy", "")]
        """How the load balancer sees it, one after the other: state and description."""
        self.deregistered = False
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

    def answer(self, service: str, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of what a service answers."""
        if service == "s3":
            return self._s3(method, path.removeprefix("/"), body)
        if service in NAMESPACES and method == "POST" and path == "/":
            call = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            answers = {
                "autoscaling": self._autoscaling,
                "cloudformation": self._cloudformation,
                "elasticloadbalancing": self._load_balancing,
            }
            return answers[service](call)
        return 404, b""

    def json_answer(self, target: str, asked: dict[str, Any]) -> tuple[int, bytes]:
        """As https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html and
        https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html have it; one answers in ASCII
        here, and the other one doesn't."""
        if self.throttled > 0:
            self.throttled -= 1
            return 400, b'{"__type":"ThrottlingException","message":"Rate exceeded"}'
        if target == "AmazonSSM.GetParameter" and set(asked) == {"Name", "WithDecryption"}:
            value = self.parameters.get(asked["Name"])
            if value is None:
                return 400, b'{"__type":"ParameterNotFound"}'
            value = value if asked["WithDecryption"] is True else "AQICAHhk"
            parameter = {"ARN": "arn", "DataType": "text", "Name": asked["Name"], "Type": "SecureString", "Value": value}
            return 200, json.dumps({"Parameter": {**parameter, "Version": 1}}, separators=(",", ":")).encode()
        if target == "secretsmanager.GetSecretValue" and set(asked) == {"SecretId"}:
            text = self.secrets.get(asked["SecretId"])
            if text is None:
                message = "Secrets Manager can't find the specified secret."
                return 400, json.dumps({"__type": "ResourceNotFoundException", "Message": message}).encode()
            answer = {"ARN": asked["SecretId"], "Name": "app", "SecretString": text, "VersionStages": ["AWSCURRENT"]}
            return 200, json.dumps(answer, ensure_ascii=False).encode()
        return 400, b'{"__type":"com.amazon.coral.service#UnknownOperationException"}'

    def _s3(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if method == "PUT":
            self.objects[path] = body
            return 200, b""
        if path not in self.objects:
            return 404, b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
        return 200, self.objects[path]

    def _cloudformation(self, call: dict[str, str]) -> tuple[int, bytes]:
        if call.get("Action") != "SignalResource" or call.get("Version") != "2010-05-15":
            return _error("cloudformation", "InvalidAction", f"Could not find operation {call}")
        if set(call) - {"Action", "Version"} != {"StackName", "LogicalResourceId", "UniqueId", "Status"}:
            return _error("cloudformation", "ValidationError", f"1 validation error detected: {call}")
        if not self.deploying:
            # As https://github.com/aws-cloudformation/aws-cloudformation-templates/issues/34 has it.
            message = f"Stack {call['StackName']} is in CREATE_COMPLETE state and cannot be signaled"
            return _error("cloudformation", "ValidationError", message)
        self.signals.append(call)
        return _answer("cloudformation", "SignalResource", "")

    def _load_balancing(self, call: dict[str, str]) -> tuple[int, bytes]:
        """As https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html has it, and
        its neighbours."""
        action = call.get("Action", "")
        if (call.get("Version"), call.get("TargetGroupArn")) != ("2015-12-01", self.TARGET_GROUP):
            return _error("elasticloadbalancing", "TargetGroupNotFound", "One or more target groups not found")
        if call.get("Targets.member.1.Id") != self.ID:
            return _error("elasticloadbalancing", "InvalidTarget", "The specified target does not exist")
        if action == "DeregisterTargets":
            self.deregistered = True
            return _answer("elasticloadbalancing", action, "")
        if action != "DescribeTargetHealth" or not self.targets:
            return _error("elasticloadbalancing", "AccessDenied", "User is not authorized to perform this", 403)
        state, description = self.targets.pop(0) if len(self.targets) > 1 else self.targets[0]
        described = f"<Description>{description}</Description>" if description else ""
        inside = (
            f"<TargetHealthDescriptions><member><HealthCheckPort>8080</HealthCheckPort><TargetHealth><State>{state}</State>"
            f"{described}</TargetHealth><Target><Port>8080</Port><Id>{self.ID}</Id></Target></member>"
            "</TargetHealthDescriptions>"
        )
        return _answer("elasticloadbalancing", action, inside)

    def _autoscaling(self, call: dict[str, str]) -> tuple[int, bytes]:
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
                return _error("autoscaling", "ValidationError", message)
            if action == "CompleteLifecycleAction" and call.get("LifecycleActionResult") != "CONTINUE":
                return _error("autoscaling", "ValidationError", "1 validation error detected")
        else:
            message = f"Could not find operation {action} for version 2011-01-01"
            return _error("autoscaling", "InvalidAction", message)
        self.calls.append(call)
        return _answer("autoscaling", action, inside)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Instance"]:
        instance = cls()

        class Handler(_Handler):
            def do_PUT(self) -> None:
                if not self.path.startswith("/latest/"):
                    return self.signed()
                if self.path != "/latest/api/token" or not self.headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
                    return self.reply(400, b"")
                token = f"token-{len(instance.tokens)}"
                instance.tokens.add(token)
                self.reply(200, token.encode())

            def do_GET(self) -> None:
                if self.path == "/health":
                    address = self.server.server_address[0]
                    answers = instance.health if address == instance.ADDRESS else [200]
                    return self.reply(answers.pop(0) if answers else 503, b"", Location="/elsewhere")
                if self.path == "/elsewhere":
                    return self.reply(200, b"")
                if self.path in instance.public:
                    return self.reply(200, instance.public[self.path])
                if self.path.startswith("/agent"):
                    return self.reply(403, b"<Error><Code>AccessDenied</Code></Error>")
                if not self.path.startswith("/latest/"):
                    return self.signed()
                if self.headers.get("X-aws-ec2-metadata-token") not in instance.tokens:
                    return self.reply(401, b"")
                value = instance.paths.get(self.path.removeprefix("/latest/meta-data/"))
                self.reply(404, b"") if value is None else self.reply(200, value.encode())

            def do_POST(self) -> None:
                self.signed()

            def signed(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                url = f"{instance.url}{self.path}"
                service, wrong = _wrong_signature(self.command, url, dict(self.headers.items()), body)
                if wrong:
                    status, answer = _error(service, "SignatureDoesNotMatch", wrong, 403)
                elif service in ("ssm", "secretsmanager") and (self.command, self.path) == ("POST", "/"):
                    status, answer = instance.json_answer(self.headers.get("X-Amz-Target", ""), json.loads(body))
                else:
                    status, answer = instance.answer(service, self.command, self.path, body)
                if status != 200:
                    instance.refused.append(answer.decode())
                self.reply(status, answer)

        server = _Server(("127.0.0.1", 0), Handler)
        port = server.server_address[1]
        servers = [server, _Server((cls.ADDRESS, port), Handler)]
        threads = [
            threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True) for one in servers
        ]
        for thread in threads:
            thread.start()
        instance.url = f"http://127.0.0.1:{port}"
        try:
            yield instance
        finally:
            for one in servers:
                one.shutdown()
                one.server_close()
            for thread in threads:
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

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _answer(service: str, action: str, inside: str) -> tuple[int, bytes]:
    result = f"<{action}Result>{inside}</{action}Result>"
    return 200, f'<{action}Response xmlns="{NAMESPACES[service]}">\n  {result}\n</{action}Response>\n'.encode()


def _error(service: str, code: str, message: str, status: int = 400) -> tuple[int, bytes]:
    text = f"<Code>{code}</Code>\n    <Message>{message}</Message>"
    if service not in NAMESPACES:
        return status, f"<Error>{text}</Error>".encode()
    error = f"<Error>\n    <Type>Sender</Type>\n    {text}\n  </Error>"
    return status, f'<ErrorResponse xmlns="{NAMESPACES[service]}">\n  {error}\n</ErrorResponse>\n'.encode()


def _wrong_signature(method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[str, str | None]:
    """The service that a request is signed for, and what is wrong with its signature: what AWS's own client signs
    otherwise, or AWS wants signed
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)."""
    given = {name.lower(): value.strip() for name, value in headers.items()}
    scheme, _, rest = given.get("authorization", "").partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    names = parts.get("SignedHeaders", "").split(";")
    key_id, date, region, service, end = (parts.get("Credential", "").split("/") + [""] * 5)[:5]
    if scheme != "AWS4-HMAC-SHA256":
        return service, f"no signature of version 4: {given.get('authorization')}"
    if given.get("x-amz-security-token") != TOKEN:
        return service, "the role's session token is missing"
    unsigned = {"host", *(name for name in given if name.startswith("x-amz-"))} - set(names)
    if unsigned:
        return service, f"there are headers that aren't signed: {unsigned}"
    if service == "s3" and "x-amz-content-sha256" not in given:
        return service, "Missing required header for this request: x-amz-content-sha256"
    if (key_id, date, region, end) != (KEY, given["x-amz-date"][:8], REGION, "aws4_request"):
        return service, f"signed by or for somebody else: {parts['Credential']}"
    request = AWSRequest(method, url, {name: given[name] for name in names}, body)
    request.context["timestamp"] = given["x-amz-date"]
    auth = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(KEY, SECRET, TOKEN), service, REGION)
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return service, None if expected == parts["Signature"] else f"the signature doesn't match: {names}"
