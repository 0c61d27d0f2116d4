"""How far a fetch is: for the operator as JSON over HTTP, for a person as a line."""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

log = logging.getLogger("veriaidpo.fetch")

_EVERY_SECONDS = 5.0
_HALF_LIFE_SECONDS = 5.0


class State(Enum):
    """Where a fetch is on its way."""

    RESOLVING = "Resolving"
    DOWNLOADING = "Downloading"
    VERIFYING = "Verifying"
    PUBLISHING = "Publishing"
    DONE = "Done"
    FAILED = "Failed"


class Progress:
    """Counts bytes; read by other threads while the fetch writes it. Bytes a second are a moving average."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._state = State.RESOLVING
        self._total: int | None = None
        self._done = 0
        self._file: str | None = None
        self._commit: str | None = None
        self._rate: float | None = None
        self._since = clock()
        self._pending = 0

    def state(self, state: State) -> None:
        """Tell what is being done now."""
        with self._lock:
            self._state = state

    def start(self, *, total: int, commit: str) -> None:
        """Tell how many bytes there will be, and of what."""
        with self._lock:
            self._state, self._total, self._commit = State.DOWNLOADING, total, commit
            self._since = self._clock()

    def file(self, path: str) -> None:
        """Tell which file is being fetched."""
        with self._lock:
            self._file = path

    def add(self, count: int) -> None:
        """Count bytes that are here and good so far."""
        with self._lock:
            self._done += count
            self._pending += count
            seconds = self._clock() - self._since
            if seconds >= 0.5:
                weight = 0.5 ** (seconds / _HALF_LIFE_SECONDS)
                now = self._pending / seconds
                self._rate = now if self._rate is None else self._rate * weight + now * (1 - weight)
                self._since, self._pending = self._clock(), 0

    def back(self, count: int) -> None:
        """Take back bytes that have to be fetched again."""
        with self._lock:
            self._done -= count

    def as_json(self) -> dict[str, Any]:
        """Give what /progress answers; what is not known is null."""
        with self._lock:
            total, done, rate = self._total, self._done, self._rate
            left = None if total is None or not rate else round((total - done) / rate, 1)
            return {
                "state": self._state.value,
                "bytesTotal": total,
                "bytesDone": done,
                "percent": None if total is None else round(100 * done / max(1, total), 1),
                "bytesPerSecond": None if rate is None else round(rate),
                "remainingSeconds": left if self._state is State.DOWNLOADING else None,
                "file": self._file,
                "commit": self._commit,
            }


@contextmanager
def told(progress: Progress, port: int | None) -> Iterator[None]:
    """Answer /progress on a port, if one is given, and write lines for people, until the block is left."""
    stop = threading.Event()
    speaker = threading.Thread(target=_speak, args=(progress, stop), daemon=True)
    server = None if port is None else _server(progress, port)
    speaker.start()
    if server is not None:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        stop.set()
        speaker.join()
        if server is not None:
            server.shutdown()
            server.server_close()


def _server(progress: Progress, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_GET(self) -> None:
            found = self.path == "/progress"
            body = json.dumps(
                progress.as_json() if found else {"error": "There is nothing at this path."}
            ).encode()
            self.send_response(200 if found else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log no request."""

    server = ThreadingHTTPServer(("0.0.0.0", port), Handler)  # noqa: S104  the operator asks from another pod
    server.daemon_threads = True
    return server


def _speak(progress: Progress, stop: threading.Event) -> None:
    """Redraw one line on a terminal; elsewhere log one every few seconds."""
    terminal = sys.stderr.isatty()
    while not stop.wait(0.2 if terminal else _EVERY_SECONDS):
        now = progress.as_json()
        if now["bytesTotal"] is None:
            continue
        if terminal:
            sys.stderr.write(f"\r{_line(now)}\033[K")
            sys.stderr.flush()
        else:
            log.info("progress", extra=now)
    if terminal and progress.as_json()["bytesTotal"] is not None:
        sys.stderr.write(f"\r{_line(progress.as_json())}\033[K\n")


def _line(now: dict[str, Any]) -> str:
    filled = int(now["percent"] // 4)
    rate = f"{(now['bytesPerSecond'] or 0) / 1e6:.1f} MB/s"
    bar = "#" * filled + "." * (25 - filled)
    return f"[{bar}] {now['percent']:5.1f}%  {rate}  {now['state']} {now['file'] or ''}"
