"""The page over HTTP. It serves a few files and answers two questions; everything else is refused."""

import json
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from page.state import State
from page.uploads import Links, TooMany

log = logging.getLogger("page")

STATIC = Path(__file__).parent / "static"
# By path; nothing else is ever opened.
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
LONGEST_BODY = 4096
# Connections at a time; the load balancer keeps some open.
MOST_CONNECTIONS = 200


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], links: Links, state: State, bucket_origin: str) -> None:
        super().__init__(address, Handler)
        self.links, self.state = links, state
        self.security_policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; "
            f"connect-src 'self' {bucket_origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self.files = {path: ((STATIC / name).read_bytes(), kind) for path, (name, kind) in FILES.items()}
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away is no news.
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            log.error("a request failed: %s: %s", type(error).__name__, error)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    # Longer than the load balancer keeps a connection that rests, or it would send a request into one that ends.
    timeout = 75

    def do_GET(self) -> None:
        if self.headers.get("Transfer-Encoding") or self.headers.get("Content-Length", "0") != "0":
            # A body that nobody reads would be taken for the next request.
            self.close_connection = True
        path = urlsplit(self.path).path
        if path == "/health":
            # Of this program alone: instances don't get better by being replaced while AWS is away.
            self._answer(200, b"ok\n", "text/plain; charset=utf-8")
        elif path == "/api/state":
            self._json(200, self.server.state.now())
        elif path in self.server.files:
            self._answer(200, *self.server.files[path])
        else:
            self._json(404, {"error": "there is no such page"})

    def do_POST(self) -> None:
        if urlsplit(self.path).path != "/api/links":
            self.close_connection = True
            return self._json(404, {"error": "there is no such page"})
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= LONGEST_BODY):
            # What follows can't be told from the next request.
            self.close_connection = True
            return self._json(413, {"error": "the request is too long"})
        body = self.rfile.read(int(length))
        if not self._is_from_the_page():
            return self._json(403, {"error": "only the page itself may ask for this"})
        try:
            name = json.loads(body)["name"]
            if not isinstance(name, str) or not name:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            return self._json(400, {"error": 'expected {"name": "…"}'})
        try:
            self._json(200, self.server.links.make(name))
        except TooMany:
            self._json(429, {"error": "too many files at once: try again in a minute"})

    def _is_from_the_page(self) -> bool:
        """Another site's page can't send JSON here without asking first, nor hide where it is from."""
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        origin = self.headers.get("Origin")
        is_same = origin is None or urlsplit(origin).netloc == self.headers.get("Host")
        return self.headers.get_content_type() == "application/json" and site == "same-origin" and is_same

    def _json(self, status: int, value: Any) -> None:
        self._answer(status, json.dumps(value).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", self.server.security_policy),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "page"

    def log_message(self, *args: Any) -> None:
        """The load balancer counts requests."""
