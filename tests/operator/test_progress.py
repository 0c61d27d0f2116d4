"""The fetch pod is asked over HTTP; whatever it answers, the operator goes on."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from veriaidpo_operator.cluster.progress import ask


@contextmanager
def pod(status: int, body: bytes) -> Iterator[int]:
    """Play a fetch pod; yield its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/progress"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_the_answer_is_read() -> None:
    body = b'{"state":"Downloading","bytesTotal":10,"bytesDone":5,"percent":50.0,"bytesPerSecond":null}'
    with pod(200, body) as port:
        progress = ask("127.0.0.1", port)
    assert progress is not None
    assert (progress.state, progress.bytes_total, progress.bytes_done) == ("Downloading", 10, 5)
    assert progress.remaining_seconds is None


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b"{}"), (500, b""), (200, b"nonsense"), (200, b'{"bytesTotal":"many"}'), (200, b"[]")],
)
def test_what_cannot_be_read_is_no_progress(status: int, body: bytes) -> None:
    with pod(status, body) as port:
        assert ask("127.0.0.1", port) is None


def test_a_pod_that_does_not_answer_is_no_progress() -> None:
    with pod(200, b"{}") as port:
        pass
    assert ask("127.0.0.1", port) is None
