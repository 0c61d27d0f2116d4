"""What a repository says of itself: large files by sha256, the others by git's blob id, folders, branches."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.conftest import Client, HubProcess, HubStarter, Write


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_only_large_files_are_known_by_sha256(
    hub: HubProcess, client: Client, model: dict[str, bytes]
) -> None:
    info = client(hub, "model_info", repo_id="acme/small", files_metadata=True)
    by_name = {sibling["rfilename"]: sibling for sibling in info["siblings"]}
    assert sorted(by_name) == sorted(model)
    assert {name: s["size"] for name, s in by_name.items()} == {name: len(c) for name, c in model.items()}
    assert {name for name, s in by_name.items() if s["lfs"]} == {"onnx/model.onnx"}
    large = by_name["onnx/model.onnx"]["lfs"]
    assert (large["sha256"], large["size"]) == (sha256(model["onnx/model.onnx"]), 1 << 20)
    config = model["config.json"]
    blob = hashlib.sha1(b"blob %d\0" % len(config) + config).hexdigest()
    assert by_name["config.json"]["blob_id"] == blob


@pytest.mark.parametrize("name", ["a.safetensors", "a.onnx", "a.bin", "sentencepiece.bpe.model"])
def test_weights_are_large_however_small(start: HubStarter, write: Write, tmp_path: Path, name: str) -> None:
    write(tmp_path / "root" / "m", {name: b"x", "a.json": b"x"})
    tree = start("--root", f"acme={tmp_path / 'root'}").get("/api/models/acme/m/tree/main").json()
    assert [entry["path"] for entry in tree if "lfs" in entry] == [name]


def test_any_file_is_large_from_the_size_that_was_set(
    start: HubStarter, write: Write, tmp_path: Path
) -> None:
    write(tmp_path / "root" / "m", {"nine.json": b"x" * 9, "ten.json": b"x" * 10})
    hub = start("--root", f"acme={tmp_path / 'root'}", "--large-from", "10")
    tree = hub.get("/api/models/acme/m/tree/main").json()
    assert [entry["path"] for entry in tree if "lfs" in entry] == ["ten.json"]


def test_without_files_metadata_there_are_names_only(hub: HubProcess, client: Client) -> None:
    siblings = client(hub, "model_info", repo_id="acme/small")["siblings"]
    assert {sibling["size"] for sibling in siblings} == {None}


def test_all_files_are_listed(hub: HubProcess, client: Client, model: dict[str, bytes]) -> None:
    assert client(hub, "list_repo_files", repo_id="acme/small") == sorted(model)


def test_a_tree_shows_one_level_or_all(hub: HubProcess, client: Client) -> None:
    top = client(hub, "list_repo_tree", repo_id="acme/small")
    assert [(e["type"], e["path"]) for e in top] == [
        ("RepoFile", "README.md"),
        ("RepoFile", "config.json"),
        ("RepoFolder", "onnx"),
        ("RepoFolder", "tokenizer"),
    ]
    inner = client(hub, "list_repo_tree", repo_id="acme/small", path_in_repo="onnx", expand=True)
    assert [e["path"] for e in inner] == ["onnx/model.onnx"]
    assert inner[0]["last_commit"]["oid"] == client(hub, "model_info", repo_id="acme/small")["sha"]


def test_long_trees_come_in_pages(start: HubStarter, client: Client, write: Write, tmp_path: Path) -> None:
    names = [f"{number:04}.txt" for number in range(1001)]
    write(tmp_path / "root" / "long", dict.fromkeys(names, b""))
    hub = start("--root", f"acme={tmp_path / 'root'}")
    assert client(hub, "list_repo_files", repo_id="acme/long") == names
    assert hub.counter("hub_requests_total", route="tree") == 2


def test_branches_are_listed_with_their_commits(hub: HubProcess, client: Client, models: Path) -> None:
    shutil.copytree(models / "small", models / "small@v2")
    (models / "small@v2" / "config.json").write_bytes(b"{}")
    branches = client(hub, "list_repo_refs", repo_id="acme/small")["branches"]
    of = {branch["name"]: branch["target_commit"] for branch in branches}
    assert of == {
        name: client(hub, "model_info", repo_id="acme/small", revision=name)["sha"] for name in ("main", "v2")
    }
