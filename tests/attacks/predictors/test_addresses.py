"""M1: sources, and redirects of sources, that lead to what only the cluster or the node may see."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from veriaidpo_predictor.fetching import connection
from veriaidpo_predictor.fetching.allowed import Allowed
from veriaidpo_predictor.fetching.connection import Vetted, trusting
from veriaidpo_predictor.outcome import FetchError

from ..conftest import Attack
from .conftest import Fetch
from .lying_hub import LyingHub

URIS = (
    "file:///etc/passwd", "file://localhost/etc/passwd", "/etc/passwd", "http://169.254.169.254/latest/",
    "ftp://127.0.0.1/", "gopher://127.0.0.1:70/", "hf://127.0.0.1:8080/x", "hf://a/b@169.254.169.254",
    "https://127.0.0.1:{port}/", "https://[::1]:{port}/", "https://[::ffff:127.0.0.1]:{port}/",
    "https://2130706433:{port}/", "https://0x7f000001:{port}/", "https://0177.0.0.1:{port}/",
    "https://127.1:{port}/", "https://0.0.0.0:{port}/", "https://localhost:{port}/",
    "https://huggingface.co@127.0.0.1:{port}/", "https://127.0.0.1:{port}#huggingface.co/",
    "https://169.254.169.254/", "https://[fe80::1]/", "https://10.96.0.1/", "https://[64:ff9b::7f00:1]:{port}/",
    "https://[2002:7f00:1::]:{port}/", "https://kubernetes.default.svc/", "pvc://claim/../../etc",
    "pvc://claim//etc/../../../etc", "s3://bucket/../x",
)  # fmt: skip
REDIRECTS = (
    "http://127.0.0.1:{port}/secret", "https://127.0.0.1:{port}/secret", "//127.0.0.1:{port}/secret",
    "http://[::1]:{port}/secret", "http://2130706433:{port}/secret", "http://localhost:{port}/secret",
    "http://[::ffff:127.0.0.1]:{port}/secret", "file:///etc/passwd", "http://169.254.169.254/latest/meta-data/",
    "http://huggingface.co@127.0.0.1:{port}/secret",
)  # fmt: skip


class Inner:
    """What nobody outside may reach: it counts the connections that reach it."""

    def __init__(self) -> None:
        self.reached = 0
        self.port = 0


@pytest.fixture
def inner() -> Iterator[Inner]:
    found = Inner()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"secret")

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def verify_request(self, *_: object) -> bool:
            found.reached += 1
            return True

        def handle_error(self, *_: object) -> None:
            """A TLS greeting is none of HTTP's."""

    with Server(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def digests() -> list[dict[str, str]]:
    return [{"path": "config.json", "sha256": hashlib.sha256(b"secret").hexdigest()}]


def test_m1_addresses_that_lead_inside(
    attack: Attack, fetch: Fetch, files: dict[str, bytes], inner: Inner
) -> None:
    with attack("M1", "sources and redirects that lead to the node, the cluster or its metadata") as row:
        for uri in URIS:
            before = inner.reached
            ended = fetch(source={"uri": uri.format(port=inner.port), "files": digests()})
            row.tried += 1
            row.got_through += ended.published or inner.reached > before
        for target in REDIRECTS:
            before = inner.reached
            with LyingHub(files, address="127.0.0.2") as hub:  # which may be asked itself, wherever it is
                hub.redirects = {"config.json": target.format(port=inner.port)}
                ended = fetch(hub.url)
            row.tried += 1
            row.got_through += ended.published or inner.reached > before
        row.figure = f"{len(URIS)} sources, {len(REDIRECTS)} redirects, 0 connections to what is inside"
        before = inner.reached
        for target in URIS:
            if target.startswith("https://"):
                fetch(
                    source={"uri": target.format(port=inner.port), "files": digests()},
                    SOURCE_HOSTS_INSIDE="*",
                )
        row.control = f"with every host allowed inside, {inner.reached - before} connections"
        assert inner.reached > before


@contextmanager
def rebinding(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A name that is public when it is looked up first, and this machine from then on."""
    answers = ["93.184.215.14"]
    asked: list[str] = []

    def look(host: str, _: int) -> list[str]:
        asked.append(host)
        return [answers.pop(0)] if answers else ["127.0.0.1"]

    with monkeypatch.context() as patch:
        patch.setattr(connection, "addresses_of", look)
        yield asked


def test_m1b_a_name_that_means_another_address_the_next_moment(
    attack: Attack, monkeypatch: pytest.MonkeyPatch, inner: Inner
) -> None:
    connected: list[str] = []

    def handle(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        connected.append(request.url.host)
        raise httpx.ConnectError("unreachable")

    with attack("M1b", "a name that stands for another address after it was looked at (rebinding)") as row:
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
        with (
            rebinding(monkeypatch) as asked,
            httpx.Client(transport=Vetted(Allowed(), context=trusting(None))) as client,
        ):
            for attempt in range(20):
                with pytest.raises((FetchError, httpx.ConnectError)) as refused:
                    client.get("https://rebinding.example/")
                row.tried += 1
                row.got_through += attempt > 0 and not isinstance(refused.value, FetchError)
            second = connection.addresses_of("rebinding.example", 443)
        assert len(asked) > row.tried
        row.got_through += sum(host != "93.184.215.14" for host in connected)
        row.figure = f"{row.tried} look-ups, {len(connected)} connection, to the address that was looked at"
        row.control = f"a client that looks the name up again goes to {second[0]}"
