"""Folders may change while the hub runs: the next answer is about what is there then."""

from __future__ import annotations

import http.client
import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.conftest import HubProcess, HubStarter, Write


def commit(hub: HubProcess) -> str:
    return str(hub.get("/api/models/acme/small").json()["sha"])


def test_a_changed_file_is_another_commit_and_the_old_one_is_gone(hub: HubProcess, models: Path) -> None:
    before = commit(hub)
    (models / "small" / "config.json").write_bytes(b'{"changed": 1}')
    after = commit(hub)
    assert after != before
    assert hub.get(f"/acme/small/resolve/{after}/config.json").body == b'{"changed": 1}'
    assert hub.get(f"/acme/small/resolve/{before}/config.json").headers["x-error-code"] == "RevisionNotFound"


def test_a_change_that_keeps_size_and_time_is_seen(hub: HubProcess, models: Path) -> None:
    config = models / "small" / "config.json"
    before, times = commit(hub), config.stat()
    content = config.read_bytes()
    config.write_bytes(content[::-1])
    os.utime(config, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert commit(hub) != before
    assert hub.get("/acme/small/resolve/main/config.json").body == content[::-1]


def test_the_old_bytes_put_back_are_the_old_commit(hub: HubProcess, models: Path) -> None:
    config = models / "small" / "config.json"
    before, content = commit(hub), config.read_bytes()
    config.write_bytes(b"{}")
    assert commit(hub) != before
    config.write_bytes(content)
    assert commit(hub) == before


def test_files_come_and_go(hub: HubProcess, models: Path) -> None:
    assert hub.get("/acme/small/resolve/main/new.txt").status == 404
    (models / "small" / "new.txt").write_bytes(b"new")
    assert hub.get("/acme/small/resolve/main/new.txt").body == b"new"
    (models / "small" / "new.txt").unlink()
    assert hub.get("/acme/small/resolve/main/new.txt").status == 404


def test_repositories_come_and_go(hub: HubProcess, models: Path, write: Write) -> None:
    write(models / "later", {"a.txt": b""})
    assert hub.get("/api/models/acme/later").status == 200
    shutil.rmtree(models / "later")
    assert hub.get("/api/models/acme/later").status == 404


def test_folders_that_cannot_be_read_are_503_until_they_can(hub: HubProcess, models: Path) -> None:
    aside = models.rename(models.with_name("aside"))
    answer = hub.get("/api/models/acme/small")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    aside.rename(models)
    assert hub.get("/api/models/acme/small").status == 200


def test_a_file_cut_short_while_it_is_sent_breaks_the_connection(start: HubStarter, models: Path) -> None:
    """The client must not take what it got for the whole."""
    hub = start("--root", f"acme={models}", "--rate", "200000")
    connection = hub.connect()
    connection.request("GET", "/acme/small/resolve/main/onnx/model.onnx")
    answer = connection.getresponse()
    answer.read(1000)
    os.truncate(models / "small" / "onnx" / "model.onnx", 1000)
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()
