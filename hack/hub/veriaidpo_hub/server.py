"""The HTTP side: connections, heads, bodies at a pace, one log line a request. GET and HEAD only."""

import os
import socket
import socketserver
import sys
import time
import traceback
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from veriaidpo_hub import routes
from veriaidpo_hub.answers import Answer, FileBody, HubError
from veriaidpo_hub.hub import Hub, Question
from veriaidpo_hub.metrics import Metrics
from veriaidpo_hub.throttle import Pace

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class HubServer(socketserver.ThreadingTCPServer):
    """Listens from the moment it is made; answers once serve_forever() runs. A thread for each connection."""

    allow_reuse_address = True
    allow_reuse_port = False
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, hub: Hub, *, rate: int | None) -> None:
        """`port` 0 takes any free one; `rate` in bytes per second for each connection. Raises OSError."""
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self.address_family = family
        self.rate = rate
        self.hub = hub
        super().__init__((str(address[0]), int(address[1])), HubHandler)

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self.socket.getsockname()[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong, unless it is that the client went away."""
        del request, client_address
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            _log(traceback.format_exc().rstrip())


class HubHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # whoever sends no version is answered with a head as well
    server_version = "veriaidpo-hub"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm: ClassVar[bool] = True
    server: HubServer

    def do_GET(self) -> None:
        """Answer with a head and a body."""
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # a body nobody reads would be taken for the next request
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.hub.answer(Question(self.command, self.path, headers)))

    do_HEAD = do_GET  # noqa: N815 - the names http.server looks for

    def _refuse(self) -> None:
        self.close_connection = True
        self._send(HubError(405, "This hub is for reading only.", headers={"Allow": "GET, HEAD"}).answer())

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815 - the same

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Say what http.server itself finds wrong; its own wording would quote the request."""
        del message, explain
        self.close_connection = True
        self._send(HubError(code, HTTPStatus(code).phrase).answer())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Not here: _send() logs when the answer is through."""

    def _send(self, answer: Answer) -> None:
        started = time.monotonic()
        self._count(answer)
        sent = 0
        try:
            self._send_head(answer)
            if self.command != "HEAD":
                for count in self._send_body(answer.body):
                    sent += count
        finally:
            if isinstance(answer.body, FileBody):
                answer.body.file.close()
            self._log_line(answer.status, sent, time.monotonic() - started)

    def _send_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_body(self, body: bytes | FileBody | None) -> Iterator[int]:
        if isinstance(body, FileBody):
            yield from self._send_file(body)
        elif body:
            self.wfile.write(body)
            yield len(body)

    def _send_file(self, body: FileBody) -> Iterator[int]:
        pace = Pace(self.server.rate)
        at, end = body.start, body.start + body.length
        body.file.seek(at)
        middle = body.middle
        while at < end:
            stop = middle.offset if middle is not None and at < middle.offset < end else end
            chunk = _flipped(body.file.read(min(pace.chunk, stop - at)), at, body.flipped)
            if not chunk:  # cut short since its length was announced: the client must not take it for whole
                self.close_connection = True
                return
            self.wfile.write(chunk)
            at += len(chunk)
            self._metrics.sent(repo=body.repo, path=body.path, count=len(chunk))
            yield len(chunk)
            pace.sent(len(chunk))
            if middle is not None and at == middle.offset < end:
                time.sleep(middle.stall_seconds)
                if middle.cut:
                    self.close_connection = True
                    return

    @property
    def _metrics(self) -> Metrics:
        return self.server.hub.metrics

    def _count(self, answer: Answer) -> None:
        method = self.command if self.command in _METHODS else "other"
        self._metrics.request(repo=answer.repo, route=answer.route, method=method, code=answer.status)

    def _log_line(self, status: int, sent: int, seconds: float) -> None:
        # Neither query nor headers, save the range: whatever is secret is in there.
        path = routes.path_of(getattr(self, "path", "-"))[:300]
        asked = self.headers.get("Range", "") if getattr(self, "headers", None) else ""
        took = f"{sent} bytes in {seconds * 1000:.0f} ms"
        _log(f"{self.command or '-'} {path} {status} {took} {asked}".rstrip())


def _flipped(chunk: bytes, at: int, flipped: int | None) -> bytes:
    if flipped is None or not at <= flipped < at + len(chunk):
        return chunk
    place = flipped - at
    return chunk[:place] + bytes([chunk[place] ^ 1]) + chunk[place + 1 :]


def _log(text: str) -> None:
    time_now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    clean = "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
    # Straight to the descriptor: one write a line from any thread, and no lock that could be held at exit.
    os.write(2, f"{time_now} {clean}\n".encode(errors="replace"))
