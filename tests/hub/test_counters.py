"""What was asked for and sent is counted, under labels that no client can multiply."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.conftest import HubProcess, HubStarter


FILE = "/acme/small/resolve/main/onnx/model.onnx"


def test_bytes_are_counted_by_file(hub: HubProcess) -> None:
    hub.get(FILE, Range="bytes=0-99")
    hub.get(FILE, Range="bytes=100-149")
    hub.get("/acme/small/resolve/main/config.json", "HEAD")
    sent = {"repo": "acme/small", "path": "onnx/model.onnx"}
    assert hub.comes_to(150, "hub_bytes_sent_total", **sent)
    assert hub.counter("hub_bytes_sent_total") == 150


def test_answers_are_counted_by_repository_and_code(hub: HubProcess) -> None:
    hub.get(FILE, "HEAD")
    hub.get(FILE, Range="bytes=0-99")
    hub.get("/acme/small/resolve/main/absent")
    of = {"repo": "acme/small", "route": "file"}
    assert hub.counter("hub_requests_total", **of, method="HEAD", code="200") == 1
    assert hub.counter("hub_requests_total", **of, method="GET", code="206") == 1
    assert hub.counter("hub_requests_total", **of, code="404") == 1


def test_what_is_not_there_makes_no_series(hub: HubProcess) -> None:
    for number in range(20):
        hub.get(f"/api/models/acme/absent-{number}")
        hub.get(f"/nobody-{number}/x/resolve/main/y")
        hub.get(f"/acme/small/resolve/main/absent-{number}")
        hub.get(f"/{number}")
        hub.get("/", f"METHOD{number}")
    text = hub.get("/metrics").body.decode()
    assert "absent-" not in text
    assert "nobody-" not in text
    assert "METHOD" not in text
    assert len(text.splitlines()) < 20


def test_the_text_is_what_prometheus_reads(hub: HubProcess, models: Path) -> None:
    name = 'quo"te\\slash.txt'
    (models / "small" / name).write_bytes(b"12345")
    hub.get("/acme/small/resolve/main/quo%22te%5Cslash.txt")
    assert hub.comes_to(5, "hub_bytes_sent_total")
    answer = hub.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    line = 'hub_bytes_sent_total{repo="acme/small",path="quo\\"te\\\\slash.txt"} 5'
    assert line in answer.body.decode().splitlines()


def test_a_broken_download_is_counted_as_far_as_it_went(start: HubStarter, models: Path) -> None:
    hub = start("--root", f"acme={models}", "--rate", "200000")
    connection = hub.connect()
    connection.request("GET", FILE)
    connection.getresponse().read(20_000)
    connection.close()
    # Bytes are counted once they are written, which the one who reads them may be ahead of.
    deadline = time.monotonic() + 10
    while hub.counter("hub_bytes_sent_total") < 20_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert 20_000 <= hub.counter("hub_bytes_sent_total") < 1 << 20
