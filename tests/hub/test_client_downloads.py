"""What the real client gets: the very bytes, from any kind of revision, and nothing a second time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.hub.conftest import Client, HubProcess, HubStarter, Write


def files_below(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_snapshot_holds_every_file_as_it_is(
    hub: HubProcess, client: Client, model: dict[str, bytes]
) -> None:
    folder = client(hub, "snapshot_download", repo_id="acme/small")
    assert files_below(Path(folder)) == model


def test_a_snapshot_of_a_commit_is_that_of_its_branch(
    hub: HubProcess, client: Client, model: dict[str, bytes]
) -> None:
    commit = client(hub, "model_info", repo_id="acme/small")["sha"]
    folder = client(hub, "snapshot_download", repo_id="acme/small", revision=commit)
    assert Path(folder).name == commit
    assert files_below(Path(folder)) == model


def test_a_second_snapshot_downloads_nothing(
    hub: HubProcess, client: Client, model: dict[str, bytes]
) -> None:
    client(hub, "snapshot_download", repo_id="acme/small")
    every_byte = sum(map(len, model.values()))
    assert hub.comes_to(every_byte, "hub_bytes_sent_total")
    client(hub, "snapshot_download", repo_id="acme/small")
    assert hub.comes_to(every_byte, "hub_bytes_sent_total")


def test_patterns_choose_what_is_downloaded(hub: HubProcess, client: Client, model: dict[str, bytes]) -> None:
    folder = client(hub, "snapshot_download", repo_id="acme/small", allow_patterns=["*.json", "tokenizer/*"])
    assert sorted(files_below(Path(folder))) == ["config.json", "tokenizer/vocab.txt"]


def test_one_file_of_a_subfolder(hub: HubProcess, client: Client, model: dict[str, bytes]) -> None:
    file = client(hub, "hf_hub_download", repo_id="acme/small", subfolder="onnx", filename="model.onnx")
    assert Path(file).read_bytes() == model["onnx/model.onnx"]


def test_a_local_folder_can_be_filled(
    hub: HubProcess, client: Client, model: dict[str, bytes], tmp_path: Path
) -> None:
    client(hub, "snapshot_download", repo_id="acme/small", local_dir=str(tmp_path / "here"))
    assert {path: (tmp_path / "here" / path).read_bytes() for path in model} == model


def test_names_with_spaces_letters_and_signs(
    start: HubStarter, client: Client, write: Write, tmp_path: Path
) -> None:
    names = {"thư mục/tệp số 1.txt": b"1", "100%/a+b&c=d?#.json": b"2", "empty.txt": b""}
    write(tmp_path / "root" / "odd", names)
    folder = client(start("--root", f"acme={tmp_path / 'root'}"), "snapshot_download", repo_id="acme/odd")
    assert files_below(Path(folder)) == names
