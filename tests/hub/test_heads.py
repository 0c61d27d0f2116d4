"""HEAD tells all that a download needs to know, without a byte of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hub.conftest import Client, HubProcess


def test_a_large_file_is_named_by_its_sha256(hub: HubProcess, model: dict[str, bytes]) -> None:
    answer = hub.get("/acme/small/resolve/main/onnx/model.onnx", "HEAD")
    digest = hashlib.sha256(model["onnx/model.onnx"]).hexdigest()
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-linked-etag"] == answer.headers["etag"] == f'"{digest}"'
    assert answer.headers["x-linked-size"] == answer.headers["content-length"] == str(1 << 20)
    assert answer.headers["accept-ranges"] == "bytes"


def test_any_other_file_is_named_by_its_blob_id(hub: HubProcess, model: dict[str, bytes]) -> None:
    answer = hub.get("/acme/small/resolve/main/config.json", "HEAD")
    config = model["config.json"]
    blob = hashlib.sha1(b"blob %d\0" % len(config) + config).hexdigest()
    assert answer.headers["etag"] == f'"{blob}"'
    assert answer.headers["content-length"] == str(len(config))
    assert "x-linked-etag" not in answer.headers


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_the_commit_is_in_every_answer_about_a_file(hub: HubProcess, method: str) -> None:
    commit = hub.get("/api/models/acme/small").json()["sha"]
    for revision in ("main", commit):
        answer = hub.get(f"/acme/small/resolve/{revision}/config.json", method)
        assert answer.headers["x-repo-commit"] == commit
    assert hub.get("/acme/small/resolve/main/absent", method).headers["x-repo-commit"] == commit


def test_heads_send_no_bytes_of_files(hub: HubProcess, client: Client) -> None:
    assert client(hub, "file_exists", repo_id="acme/small", filename="config.json") is True
    assert client(hub, "file_exists", repo_id="acme/small", filename="absent") is False
    assert hub.counter("hub_bytes_sent_total") == 0


def test_nothing_announces_the_chunked_store(hub: HubProcess) -> None:
    """Clients with hf_xet would otherwise go looking for a server that is not here."""
    answer = hub.get("/acme/small/resolve/main/onnx/model.onnx", "HEAD")
    assert not [name for name in answer.headers if "xet" in name or name == "link"]
