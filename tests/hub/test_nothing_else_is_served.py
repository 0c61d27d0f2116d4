"""Only files below the folders given, none that are hidden, none by way of a path or a link."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.conftest import HubProcess, HubStarter, Write


SECRET = b"not to be served"


@pytest.fixture
def outside(models: Path, tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(SECRET)
    (models / "beside").write_bytes(SECRET)
    return tmp_path


@pytest.mark.parametrize(
    "target",
    [
        "/acme/small/resolve/main/../../../secret",
        "/acme/small/resolve/main/%2e%2e/%2e%2e/secret",
        "/acme/small/resolve/main/..%2f..%2fsecret",
        "/acme/small/resolve/main/{root}/secret",
        "/acme/small/resolve/main//{root}/secret",
        "/acme/../resolve/main/secret",
        "/acme/%2e%2e/resolve/main/secret",
        "/acme/small/resolve/../secret",
        "/acme/small/resolve/..%2f../secret",
        "/acme/./resolve/main/beside",
        "/acme/beside",
        "/acme/small/resolve/main/config.json%00.txt",
        "/acme/small/resolve/main/config.json/",
        "/acme/small/resolve/main/./config.json",
        "/acme/small/resolve/main/",
        "/acme/small/resolve/main/onnx",
        "/api/models/acme/..",
        "/api/models/acme/small/tree/main/..",
        "/api/models/acme/small/tree/main/%2e%2e%2f",
        "//secret",
        "/%",
        "/%ff%fe/x/resolve/main/y",
        "http://elsewhere/secret",
        "*",
        "/",
    ],
)
def test_paths_lead_nowhere(hub: HubProcess, outside: Path, target: str) -> None:
    answer = hub.get(target.replace("{root}", str(outside).lstrip("/")))
    assert answer.status == 404
    assert SECRET not in answer.body


def test_hidden_files_are_neither_listed_nor_served(hub: HubProcess, models: Path, write: Write) -> None:
    write(models / "small", {".hidden": SECRET, ".git/config": SECRET, "a/.b/c": SECRET})
    write(models / ".hidden", {"a": SECRET})
    listed = [entry["path"] for entry in hub.get("/api/models/acme/small/tree/main?recursive=1").json()]
    assert not [path for path in listed if "/." in f"/{path}"]
    for path in (".hidden", ".git/config", "a/.b/c"):
        assert hub.get(f"/acme/small/resolve/main/{path}").status == 404
    assert hub.get("/api/models/acme/.hidden").status == 404


def test_links_are_followed_inside_and_nowhere_else(hub: HubProcess, models: Path, outside: Path) -> None:
    small = models / "small"
    (small / "alias.json").symlink_to("config.json")
    (small / "out.txt").symlink_to(outside / "secret")
    (small / "outfolder").symlink_to(outside)
    (small / "gone.txt").symlink_to("nowhere")
    (small / "loop").symlink_to("loop")
    (models / "outrepo").symlink_to(outside)
    os.mkfifo(small / "pipe")
    listed = {e["path"] for e in hub.get("/api/models/acme/small/tree/main?recursive=1").json()}
    assert listed & {
        "alias.json",
        "out.txt",
        "outfolder",
        "outfolder/secret",
        "gone.txt",
        "loop",
        "pipe",
    } == {"alias.json"}
    assert hub.get("/acme/small/resolve/main/out.txt").status == 404
    assert hub.get("/acme/outrepo/resolve/main/secret").status == 404


def test_owners_are_kept_apart(start: HubStarter, models: Path, write: Write, tmp_path: Path) -> None:
    write(tmp_path / "others" / "theirs", {"a.txt": b"theirs"})
    hub = start("--root", f"acme={models}", "--root", f"other={tmp_path / 'others'}")
    assert hub.get("/other/theirs/resolve/main/a.txt").body == b"theirs"
    assert hub.get("/acme/theirs/resolve/main/a.txt").status == 404
    assert hub.get("/other/small/resolve/main/config.json").status == 404
