"""A hub that speaks the protocol over HTTP and lists, sends and redirects whatever it is told to."""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

COMMIT = "c" * 40


@dataclass
class LyingHub:
    """One repository, demo/tiny, on loopback."""

    files: dict[str, bytes]
    listed: list[dict[str, Any]] | None = None
    """What it says that it holds; without, the truth."""
    sent: dict[str, bytes] = field(default_factory=dict)
    """Bytes that it sends in place of the true ones."""
    redirects: dict[str, str] = field(default_factory=dict)
    """Addresses that it answers with, by path of a file; "" is the list of files."""
    asked: list[str] = field(default_factory=list)
    """Every path that was asked for."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every file."""
    address: str = "127.0.0.1"
    url: str = ""

    def __enter__(self) -> Self:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.asked.append(self.path)
                status, headers, body = hub.answer(self.path)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((self.address, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{self.address}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str) -> tuple[int, dict[str, str], bytes]:
        path = target.partition("?")[0]
        listing = path.startswith("/api/models/demo/tiny/")
        name = "" if listing else path.rpartition(f"/{COMMIT}/")[2]
        if name in self.redirects:
            return 302, {"location": self.redirects[name]}, b""
        if listing:
            siblings = self.listed if self.listed is not None else [self.entry(one) for one in self.files]
            return 200, {}, json.dumps({"sha": COMMIT, "siblings": siblings}).encode()
        found = self.sent.get(name, self.files.get(name))
        return (404, {}, b"") if found is None else (200, self.headers, found)

    def entry(self, path: str, data: bytes | None = None) -> dict[str, Any]:
        """List a file truthfully, or as if it held these bytes."""
        told = self.files[path] if data is None else data
        lfs = {"sha256": hashlib.sha256(told).hexdigest(), "size": len(told)}
        return {"rfilename": path, "size": len(told), "lfs": lfs}
