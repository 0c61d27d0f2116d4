"""What a shared predictor says of its models, over HTTP, and what one Model makes of it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from veriaidpo_operator.objects import hosting
from veriaidpo_operator.objects.children import Hosted

ONE, OTHER = "1" * 64, "2" * 64


def said(revision: str, state: str = "ready", reason: str = "") -> dict[str, str]:
    return {"revision": revision, "state": state, "reason": reason}


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """Answer /states with whatever the server's `body` is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body: bytes = self.server.body  # type: ignore[attr-defined]
            self.send_response(200 if self.path == "/states" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("states", "hosted"),
    [
        (
            {"listed": f"{ONE} 7", "serving": said(ONE), "refused": None},
            Hosted(listed=f"{ONE} 7", serving=ONE),
        ),
        ({"listed": ONE, "serving": said(ONE, "loading"), "refused": None}, Hosted(listed=ONE)),
        (
            {"listed": OTHER, "serving": said(ONE), "refused": said(OTHER, "rejected", "No.")},
            Hosted(listed=OTHER, serving=ONE, refused=OTHER, reason="No."),
        ),
        (
            {"listed": ONE, "serving": said(ONE, "failed", "Damaged."), "refused": None},
            Hosted(listed=ONE, refused=ONE, reason="Damaged."),
        ),
    ],
)
def test_what_is_said_of_a_model(server: HTTPServer, states: dict[str, Any], hosted: Hosted) -> None:
    server.body = json.dumps({"principles-vi": states}).encode()  # type: ignore[attr-defined]
    assert hosting.ask("127.0.0.1", server.server_port) == {"principles-vi": hosted}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"principles-vi": 1}', b"\xff"])
def test_an_answer_that_is_none_is_no_answer(server: HTTPServer, body: bytes) -> None:
    server.body = body  # type: ignore[attr-defined]
    assert hosting.ask("127.0.0.1", server.server_port) is None


def test_a_pod_that_does_not_answer_says_nothing() -> None:
    assert hosting.ask("127.0.0.1", 9) is None
