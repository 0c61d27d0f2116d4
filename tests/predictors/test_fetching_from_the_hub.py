"""A fetch against the demonstration hub, as the operator's Job runs it: a process, a spec, a volume."""

import hashlib
import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from veriaidpo_predictor import manifest

from .fetching_process import LABELS, Fetch, hub_process, spec


@pytest.fixture
def hub() -> Iterator[Callable[..., str]]:
    """Start a hub; gives its address."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str, token: str | None = None) -> str:
        process, url = hub_process(*arguments, token=token)
        running.append(process)
        return url

    yield start
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def source(tmp_path: Path, repository: Callable[..., dict[str, bytes]]) -> Path:
    """The folder of hub repositories of the owner `demo`, with the repository `tiny`."""
    for path, data in repository().items():
        file = tmp_path / "hub" / "tiny" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (tmp_path / "hub" / "tiny" / "README.md").write_text("A card.\n")
    return tmp_path / "hub"


@pytest.fixture
def fetch(
    volume: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Fetch:
    volume.mkdir()
    caplog.set_level("INFO")
    return Fetch(volume, tmp_path, monkeypatch, capsys, caplog)


def test_a_model_is_published_and_served(
    hub: Callable[..., str], source: Path, fetch: Fetch, serve: Callable[..., Any]
) -> None:
    code, found = fetch.run(hub("--root", f"demo={source}"), spec())
    assert (code, found["reason"], found["warnings"]) == (0, "Published", [])
    (revision,) = fetch.published()
    assert revision.name == found["digest"]
    body = json.loads((revision / "manifest.json").read_bytes())
    assert sorted(body["files"]) == ["config.json", "onnx/model.onnx", "tokenizer_config.json", "vocab.txt"]
    for path, entry in body["files"].items():
        data = (revision / path).read_bytes()
        assert entry == {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        assert data == (source / "tiny" / path).read_bytes()
        assert stat.S_IMODE((revision / path).stat().st_mode) == 0o444
    canonical = json.dumps(
        {
            "cpuClass": "any",
            "files": {path: entry["sha256"] for path, entry in body["files"].items()},
            "recipe": "onnx-as-published/1",
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    assert found["digest"] == hashlib.sha256(canonical.encode()).hexdigest()
    size = sum(entry["size"] for entry in body["files"].values())
    assert (found["bytesTotal"], found["bytesDownloaded"], found["sizeBytes"]) == (size, size, size)
    assert (body["source"]["commit"], body["tokenizer"]) == (found["commit"], "wordpiece")
    assert not (fetch.volume / "models" / "tiny-en" / "staging").exists()
    assert serve(revision, "--no-auth").until_ready().status_code == 200


def test_what_is_there_is_adopted_with_no_byte_downloaded(
    hub: Callable[..., str], source: Path, fetch: Fetch
) -> None:
    url = hub("--root", f"demo={source}")
    _, first = fetch.run(url, spec())
    before = {path: path.stat().st_mtime_ns for path in fetch.published()[0].rglob("*")}
    code, found = fetch.run(url, spec())
    assert (code, found["reason"], found["bytesDownloaded"]) == (0, "Adopted", 0)
    assert found["digest"] == first["digest"]
    assert {path: path.stat().st_mtime_ns for path in fetch.published()[0].rglob("*")} == before


def test_a_commit_that_is_there_needs_no_hub(hub: Callable[..., str], source: Path, fetch: Fetch) -> None:
    _, first = fetch.run(hub("--root", f"demo={source}"), spec())
    code, found = fetch.run("http://127.0.0.1:9", spec(source={"revision": first["commit"]}))
    assert (code, found["reason"], found["warnings"]) == (0, "Adopted", [])


def test_a_dead_hub_does_not_matter_where_the_branch_is_there(
    hub: Callable[..., str], source: Path, fetch: Fetch
) -> None:
    fetch.run(hub("--root", f"demo={source}"), spec())
    code, found = fetch.run("http://127.0.0.1:9", spec(), attempts=2)
    assert (code, found["reason"], found["warnings"]) == (0, "Adopted", [])
    assert "127.0.0.1 cannot be reached" in found["sourceAway"]
    assert "otherwise" not in found["sourceAway"]
    code, found = fetch.run("http://127.0.0.1:9", spec(source={"revision": "other"}), attempts=2)
    assert (code, found["reason"]) == (13, "SourceUnreachable")


def test_on_a_read_only_volume_what_is_there_is_adopted_without_a_source_or_a_write(
    hub: Callable[..., str], source: Path, fetch: Fetch
) -> None:
    _, first = fetch.run(hub("--root", f"demo={source}"), spec())

    def touched() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in fetch.volume.rglob("*")}

    before = touched()
    code, found = fetch.run("http://127.0.0.1:9", spec(), read_only=True)
    assert (code, found["reason"], found["digest"]) == (0, "Adopted", first["digest"])
    code, found = fetch.run("http://127.0.0.1:9", spec(source={"revision": "other"}), read_only=True)
    assert (code, found["reason"]) == (20, "VolumeReadOnly")
    assert "no sound revision of hf://demo/tiny" in found["message"]
    assert touched() == before


def test_a_damaged_revision_is_not_adopted_but_fetched_again(
    hub: Callable[..., str], source: Path, fetch: Fetch
) -> None:
    url = hub("--root", f"demo={source}")
    fetch.run(url, spec())
    damaged = fetch.published()[0] / "vocab.txt"
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[::-1])
    code, found = fetch.run(url, spec())
    assert (code, found["reason"]) == (0, "Published")
    assert damaged.read_bytes() == (source / "tiny" / "vocab.txt").read_bytes()


def test_a_new_commit_is_a_new_revision_beside_the_old_one(
    hub: Callable[..., str], source: Path, fetch: Fetch
) -> None:
    code, found = _fetch_two_commits(hub, source, fetch)
    assert (code, found["reason"]) == (0, "Published")
    assert len(fetch.published()) == 2


def test_of_several_revisions_the_newest_is_adopted_where_the_hub_is_dead(
    hub: Callable[..., str], source: Path, fetch: Fetch
) -> None:
    _fetch_two_commits(hub, source, fetch)
    for newest in fetch.published():
        for folder in fetch.published():
            _date(folder, "2026-01-02T00:00:00Z" if folder == newest else "2026-01-01T00:00:00Z")
        _, found = fetch.run("http://127.0.0.1:9", spec(), attempts=2)
        assert (found["reason"], found["digest"]) == ("Adopted", newest.name)


def _fetch_two_commits(hub: Callable[..., str], source: Path, fetch: Fetch) -> tuple[int, dict[str, Any]]:
    """Fetch what the hub has, then what it has after a change; what the second fetch said."""
    url = hub("--root", f"demo={source}")
    fetch.run(url, spec())
    with (source / "tiny" / "vocab.txt").open("a") as file:
        file.write("more\n")
    return fetch.run(url, spec())


def _date(revision: Path, created_at: str) -> None:
    """Write into a revision when it was made."""
    written = revision / manifest.FILE_NAME
    dated = manifest.read(revision).model_copy(update={"created_at": created_at})
    written.chmod(0o644)
    written.write_bytes(manifest.encode(dated))
    written.chmod(0o444)


def test_killed_in_the_middle_it_goes_on_where_it_was(
    hub: Callable[..., str], source: Path, fetch: Fetch
) -> None:
    (source / "tiny" / "onnx" / "model.onnx_data").write_bytes(os.urandom(3_000_000))
    url = hub("--root", f"demo={source}", "--rate", "1500000")
    process = fetch.start(url, spec())
    partial = fetch.volume / "models" / "tiny-en" / "staging"
    while not any(path.stat().st_size > 500_000 for path in partial.glob("*/onnx/model.onnx_data")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    there = sum(path.stat().st_size for path in partial.rglob("*") if path.is_file())
    assert fetch.published() == []
    code, found = fetch.run(url, spec())
    assert (code, found["reason"]) == (0, "Published")
    assert found["bytesDownloaded"] == found["bytesTotal"] - there
    data = "onnx/model.onnx_data"
    assert (fetch.published()[0] / data).read_bytes() == (source / "tiny" / data).read_bytes()


def test_the_progress_can_be_watched(hub: Callable[..., str], source: Path, fetch: Fetch) -> None:
    (source / "tiny" / "onnx" / "model.onnx_data").write_bytes(os.urandom(2_500_000))
    from socket import socket  # noqa: PLC0415

    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    process = fetch.start(
        hub("--root", f"demo={source}", "--rate", "1000000"), spec(), f"--progress-port={port}"
    )
    seen: list[dict[str, Any]] = []
    with httpx.Client(trust_env=False) as client:
        while process.poll() is None:
            try:
                seen.append(client.get(f"http://127.0.0.1:{port}/progress").json())
            except httpx.TransportError:
                continue
            time.sleep(0.02)
    code, _ = fetch.end(process)
    assert code == 0
    middle = [one for one in seen if one["state"] == "Downloading" and 0 < one["percent"] < 100]
    assert middle
    assert [one["bytesDone"] for one in middle] == sorted(one["bytesDone"] for one in middle)
    last = middle[-1]
    assert set(last) == {
        "state", "bytesTotal", "bytesDone", "percent", "bytesPerSecond", "remainingSeconds", "file", "commit",
    }  # fmt: skip
    assert last["file"] == "onnx/model.onnx_data"
    assert 300_000 < last["bytesPerSecond"] < 4_000_000


def test_a_flipped_bit_is_never_published(hub: Callable[..., str], source: Path, fetch: Fetch) -> None:
    url = hub("--root", f"demo={source}", "--flip", "demo/tiny/onnx/model.onnx")
    code, found = fetch.run(url, spec())
    assert (code, found["reason"]) == (15, "ChecksumMismatch")
    assert "onnx/model.onnx" in found["message"]
    assert fetch.published() == []
    assert list((fetch.volume / "models").rglob("model.onnx")) == []


@pytest.mark.parametrize("name", ["vocab.txt", "onnx/model.onnx"])
def test_a_pin_that_does_not_fit_is_a_mismatch(
    hub: Callable[..., str], source: Path, fetch: Fetch, name: str
) -> None:
    url = hub("--root", f"demo={source}")
    right = [{"path": name, "sha256": hashlib.sha256((source / "tiny" / name).read_bytes()).hexdigest()}]
    wrong = [{"path": name, "sha256": "0" * 64}]
    assert fetch.run(url, spec(source={"files": wrong}))[0] == 15
    assert fetch.run(url, spec(source={"files": right}))[0] == 0
    assert fetch.run(url, spec(source={"files": wrong}))[1]["reason"] == "ChecksumMismatch"


def test_a_private_source_needs_its_token(
    hub: Callable[..., str], source: Path, fetch: Fetch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("s3cret-token\n")
    process, url = hub_process("--root", f"demo={source}", "--token", str(tmp_path / "token"))
    try:
        assert fetch.run(url, spec())[1]["reason"] == "SourceUnauthorized"
        assert fetch.run(url, spec(), HUGGINGFACE_TOKEN="s3cret-other")[0] == 11
        code, found = fetch.run(url, spec(), HUGGINGFACE_TOKEN_FILE=str(tmp_path / "token"))
        assert (code, found["reason"]) == (0, "Published")
    finally:
        process.kill()
        process.communicate()


def test_what_is_not_there_is_not_found(hub: Callable[..., str], source: Path, fetch: Fetch) -> None:
    url = hub("--root", f"demo={source}")
    assert fetch.run(url, spec(source={"uri": "hf://demo/absent"}))[:2][0] == 12
    assert fetch.run(url, spec(source={"revision": "absent"}))[1]["reason"] == "SourceNotFound"


def test_a_source_that_is_no_model_says_what_is_missing(
    hub: Callable[..., str], source: Path, fetch: Fetch
) -> None:
    url = hub("--root", f"demo={source}")
    (source / "tiny" / "onnx" / "model.onnx").unlink()
    (source / "tiny" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    code, found = fetch.run(url, spec())
    assert (code, found["reason"]) == (18, "UnsupportedFormat")
    assert found["message"] == (
        "The source has neither onnx/model.onnx nor model.safetensors; "
        "never fetched: pytorch_model.bin (a pickle)."
    )
    for path in (source / "tiny").glob("[!R]*"):
        if path.is_file():
            path.unlink()
    assert fetch.run(url, spec())[:2][0] == 14


def test_labels_that_are_not_the_expected_ones_are_not_published(
    hub: Callable[..., str], source: Path, fetch: Fetch
) -> None:
    url = hub("--root", f"demo={source}")
    assert fetch.run(url, spec(labels=LABELS[:2], goldenSentences=[]))[1]["reason"] == "LabelsMismatch"
    code, found = fetch.run(url, spec(labels=LABELS[::-1]))
    assert (code, found["message"]) == (16, "Label 0 of the model is 'Consent' and not 'Duty'.")
    assert fetch.published() == []


def test_generic_labels_of_the_right_number_pass_with_a_warning(
    hub: Callable[..., str], source: Path, fetch: Fetch
) -> None:
    config = {"id2label": {str(i): f"LABEL_{i}" for i in range(3)}, "pad_token_id": 0}
    (source / "tiny" / "config.json").write_text(json.dumps(config))
    _, found = fetch.run(hub("--root", f"demo={source}"), spec())
    assert found["reason"] == "Published"
    assert found["warnings"] == ["The model's labels have generic names; only their number could be checked."]


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc",
        "http://example.com/",
        "ftp://example.com/x",
        "hf://a/../b",
        "hf://a",
        "s3://B/x",
        "pvc://c/../x",
    ],
)
def test_a_source_of_no_known_form_is_refused(fetch: Fetch, uri: str) -> None:
    code, found = fetch.run("http://127.0.0.1:9", spec(source={"uri": uri}))
    assert (code, found["reason"]) == (19, "SourceRefused")


def test_a_spec_that_is_none_is_said_to_be_so(fetch: Fetch) -> None:
    code, found = fetch.run("http://127.0.0.1:9", spec(name="../etc", extra=1))
    assert (code, found["reason"]) == (2, "InvalidSpec")


def test_a_budget_is_kept(hub: Callable[..., str], source: Path, fetch: Fetch) -> None:
    code, found = fetch.run(hub("--root", f"demo={source}"), spec(bytesBudget=100))
    assert (code, found["reason"]) == (17, "OutOfSpace")
    assert fetch.published() == []


def test_two_at_once_take_turns(hub: Callable[..., str], source: Path, fetch: Fetch) -> None:
    (source / "tiny" / "onnx" / "model.onnx_data").write_bytes(os.urandom(1_000_000))
    url = hub("--root", f"demo={source}", "--rate", "1000000")
    processes = [fetch.start(url, spec()) for _ in range(2)]
    outs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(json.loads(out)["reason"] for out in outs) == ["Adopted", "Published"]
    assert len(fetch.published()) == 1
