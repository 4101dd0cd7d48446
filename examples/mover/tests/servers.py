"""What stands where the emulator can't: small servers over real HTTP."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def _serve(handler: type[_Handler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Instance:
    """The metadata service of one instance, version 2 only, and the Auto Scaling API that knows the instance."""

    ID = "i-0123456789abcdef0"
    GROUP = "test-move-Group-1ABC"

    def __init__(self) -> None:
        self.paths = {"instance-id": self.ID, "autoscaling/target-lifecycle-state": "InService"}
        self.tokens: set[str] = set()
        self.calls: list[dict[str, str]] = []
        self.url = ""

    def terminate(self) -> None:
        self.paths["autoscaling/target-lifecycle-state"] = "Terminated"

    def interrupt(self, seconds: float) -> None:
        time = (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.paths["spot/instance-action"] = f'{{"action": "terminate", "time": "{time}"}}'

    def actions(self) -> list[str]:
        return [call["Action"] for call in self.calls]

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Instance"]:
        instance = cls()

        class Handler(_Handler):
            def do_PUT(self) -> None:
                if self.path != "/latest/api/token" or not self.headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
                    return self.answer(400, b"")
                token = f"token-{len(instance.tokens)}"
                instance.tokens.add(token)
                self.answer(200, token.encode())

            def do_GET(self) -> None:
                if self.headers.get("X-aws-ec2-metadata-token") not in instance.tokens:
                    return self.answer(401, b"")
                value = instance.paths.get(self.path.removeprefix("/latest/meta-data/"))
                self.answer(404, b"") if value is None else self.answer(200, value.encode())

            def do_POST(self) -> None:
                call = {name: values[0] for name, values in parse_qs(self.body().decode()).items()}
                instance.calls.append(call)
                action = call["Action"]
                inside = ""
                if action == "DescribeAutoScalingInstances" and call.get("InstanceIds.member.1") == cls.ID:
                    inside = (
                        f"<AutoScalingInstances><member><InstanceId>{cls.ID}</InstanceId>"
                        f"<AutoScalingGroupName>{cls.GROUP}</AutoScalingGroupName></member></AutoScalingInstances>"
                    )
                self.answer(
                    200,
                    f"<{action}Response><{action}Result>{inside}</{action}Result></{action}Response>".encode(),
                    {"Content-Type": "text/xml"},
                )

        with _serve(Handler) as instance.url:
            yield instance


@contextmanager
def between(endpoint: str, before: Callable[[str, str, dict[str, str]], None]) -> Iterator[str]:
    """Forwards to `endpoint`; `before` sees method, path and headers of each request first, and may hold it up."""
    target = urlsplit(endpoint)

    class Handler(_Handler):
        def forward(self) -> None:
            body = self.body()
            headers = {name.lower(): value for name, value in self.headers.items()}
            before(self.command, self.path, headers)
            connection = http.client.HTTPConnection(target.hostname, target.port, timeout=30)
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            passed = {
                name: value
                for name, value in answer.getheaders()
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server")
            }
            if self.command == "HEAD":
                self.send_response(answer.status)
                for name, value in passed.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", answer.getheader("Content-Length") or "0")
                self.end_headers()
            else:
                self.answer(answer.status, content, passed)
            connection.close()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward

    with _serve(Handler) as url:
        yield url
