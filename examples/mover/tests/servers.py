"""What stands where the emulator can't: small servers over real HTTP."""

import http.client
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: Any) -> None:
        # A client that is killed, or doesn't wait any longer, is no news.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*args)


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
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def between(endpoint: str, before: Callable[[str, str, dict[str, str]], None]) -> Iterator[str]:
    """Forwards to `endpoint`; `before` sees method, path and headers of each request first, and may hold it up."""
    target = urlsplit(endpoint)

    class Handler(_Handler):
        def forward(self) -> None:
            body = self.body()
            headers = {name.lower(): value for name, value in self.headers.items()}
            before(self.command, self.path, headers)
            connection = http.client.HTTPConnection(target.hostname, target.port, timeout=120)
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


@contextmanager
def metadata(instance: str) -> Iterator[str]:
    """An instance's metadata service, which answers nobody without a token
    (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html)."""

    class Handler(_Handler):
        def do_PUT(self) -> None:
            told = "X-aws-ec2-metadata-token-ttl-seconds" in self.headers and self.path == "/latest/api/token"
            self.answer(200, b"token") if told else self.answer(400, b"")

        def do_GET(self) -> None:
            if self.headers.get("X-aws-ec2-metadata-token") != "token":
                return self.answer(401, b"")
            is_id = self.path == "/latest/meta-data/instance-id"
            self.answer(200, instance.encode()) if is_id else self.answer(404, b"")

    with _serve(Handler) as url:
        yield url
