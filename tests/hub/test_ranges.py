"""Ranges, as a resumed download needs them (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.conftest import HubProcess


FILE = "/acme/small/resolve/main/onnx/model.onnx"
SIZE = 1 << 20


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1048575-", SIZE - 1, SIZE),
        ("bytes=1000-99999999", 1000, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        ("bytes=-99999999", 0, SIZE),
    ],
)
def test_a_range_is_that_part(
    hub: HubProcess, model: dict[str, bytes], asked: str, first: int, end: int
) -> None:
    answer = hub.get(FILE, Range=asked)
    assert (answer.status, answer.headers["content-range"]) == (206, f"bytes {first}-{end - 1}/{SIZE}")
    assert answer.headers["content-length"] == str(end - first)
    assert answer.body == model["onnx/model.onnx"][first:end]


@pytest.mark.parametrize("asked", ["bytes=1048576-", "bytes=99999999-", "bytes=-0"])
def test_a_range_of_nothing_is_416(hub: HubProcess, asked: str) -> None:
    answer = hub.get(FILE, Range=asked)
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert hub.counter("hub_bytes_sent_total") == 0


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=-", "lines=1-2", "bytes=0-1,5-6", f"bytes={'9' * 9999}-"]
)
def test_what_is_no_single_range_of_bytes_is_ignored(
    hub: HubProcess, model: dict[str, bytes], asked: str
) -> None:
    answer = hub.get(FILE, Range=asked)
    assert (answer.status, answer.body) == (200, model["onnx/model.onnx"])


def test_an_empty_file_has_no_range(hub: HubProcess, models: Path) -> None:
    (models / "small" / "empty").touch()
    assert hub.get("/acme/small/resolve/main/empty", Range="bytes=0-").status == 416
    assert hub.get("/acme/small/resolve/main/empty").status == 200


def test_if_range_with_another_digest_sends_all_of_it(hub: HubProcess) -> None:
    etag = hub.get(FILE, "HEAD").headers["etag"]
    assert hub.get(FILE, Range="bytes=5-", If_Range=etag).status == 206
    assert hub.get(FILE, Range="bytes=5-", If_Range='"another"').status == 200


def test_what_the_client_has_already_is_not_sent(hub: HubProcess) -> None:
    etag = hub.get(FILE, "HEAD").headers["etag"]
    answer = hub.get(FILE, If_None_Match=etag)
    assert (answer.status, answer.body) == (304, b"")
    assert hub.get(FILE, If_None_Match='"another"').status == 200


def test_the_connection_is_kept_for_the_next_request(hub: HubProcess, model: dict[str, bytes]) -> None:
    connection = hub.connect()
    connection.connect()
    socket = connection.sock
    for method, asked in [("HEAD", ""), ("GET", "bytes=9999999-"), ("GET", "bytes=0-9"), ("GET", "")]:
        connection.request(method, FILE, headers={"Range": asked} if asked else {})
        connection.getresponse().read()
        assert connection.sock is socket
    connection.close()
