"""What a hub may do wrong, and what a fetch makes of it. The hub here is a function of a request."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from veriaidpo_predictor.fetching import staging
from veriaidpo_predictor.fetching.source import Patience, SourceFile
from veriaidpo_predictor.outcome import FetchError, Reason

from .bad_hub import COMMIT, BadHub, Broken, Reply, client_of, hub_at


@pytest.fixture
def hub(repository: Callable[..., dict[str, bytes]]) -> BadHub:
    return BadHub(repository() | {"onnx/model.onnx_data": os.urandom(200_000)})


def answers(status: int, **headers: str) -> Reply:
    return lambda _: httpx.Response(status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def fails(hub: BadHub, root: Path, reason: Reason, **options: Any) -> str:
    with pytest.raises(FetchError) as failed:
        hub.fetch(root, **options)
    assert failed.value.reason is reason
    assert list(root.rglob("manifest.json")) == []
    return str(failed.value)


def sends(body: bytes) -> Callable[[bytes], httpx.Response]:
    return lambda _: httpx.Response(200, content=body)


def on(suffix: str, make: Callable[[bytes], httpx.Response], hub: BadHub) -> Reply:
    """Answer so for the file that ends so."""

    def reply(request: httpx.Request) -> httpx.Response | None:
        path = request.url.path.partition(f"{COMMIT}/")[2]
        return make(hub.files[path]) if path.endswith(suffix) else None

    return reply


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_passes(hub: BadHub, volume: Path, status: int) -> None:
    hub.wrong = [answers(status), answers(status)]
    assert hub.fetch(volume).how == "Published"
    assert len(hub.waits) == 2


def test_waits_grow_vary_and_are_bounded(hub: BadHub, volume: Path) -> None:
    hub.wrong = [answers(503)] * 9
    fails(hub, volume, Reason.SOURCE_UNREACHABLE, attempts=9)
    assert len(hub.waits) == 8
    for number, seconds in enumerate(hub.waits):
        assert min(60, 2**number) / 2 <= seconds <= min(60, 2**number)
    assert len(set(hub.waits)) > 4


def test_retry_after_is_obeyed(hub: BadHub, volume: Path) -> None:
    hub.wrong = [
        answers(429, retry_after="17"),
        answers(429, retry_after="300"),
        answers(503, retry_after="x"),
        answers(503, retry_after="0"),
    ]
    hub.fetch(volume, attempts=5)
    assert hub.waits[:2] == [17, 300]
    assert 2 <= hub.waits[2] <= 4
    assert 4 <= hub.waits[3] <= 8


@pytest.mark.parametrize(
    ("asked", "waits"), [(["86400"], []), (["901"], []), (["900"], [900]), (["300"] * 4, [300] * 3)]
)
def test_a_source_that_asks_for_more_than_a_quarter_of_an_hour_is_left_alone(
    hub: BadHub, volume: Path, asked: list[str], waits: list[int]
) -> None:
    hub.wrong = [answers(429, retry_after=seconds) for seconds in asked]
    if asked == ["900"]:
        assert hub.fetch(volume).how == "Published"
    else:
        told = fails(hub, volume, Reason.SOURCE_BUSY, attempts=7)
        assert told == f"The hub answered 429, and is to be asked again in {asked[-1]} s at the earliest."
    assert hub.waits == waits
    assert len(hub.requests) >= len(asked)


def test_what_a_source_asked_for_is_forgiven_as_long_as_it_answers(hub: BadHub, volume: Path) -> None:
    def not_now(_: bytes) -> httpx.Response:
        return httpx.Response(429, headers={"retry-after": "600"})

    hub.wrong = [answers(429, retry_after="600"), on("config.json", not_now, hub), on("_data", not_now, hub)]
    assert hub.fetch(volume).how == "Published"
    assert hub.waits == [600] * 3


def test_a_connection_that_breaks_goes_on_at_the_byte_where_it_broke(hub: BadHub, volume: Path) -> None:
    hub.wrong = [on("_data", lambda data: httpx.Response(200, stream=Broken(data[:70_000])), hub)]
    result = hub.fetch(volume)
    assert result.downloaded == sum(map(len, hub.files.values()))
    asked = [request.headers.get("range") for request in hub.requests if request.url.path.endswith("_data")]
    assert asked == [None, "bytes=70000-"]


def test_breaking_off_is_forgiven_as_long_as_bytes_come(hub: BadHub, volume: Path) -> None:
    def a_little(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("_data"):
            return None
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        part = hub.files["onnx/model.onnx_data"][start : start + 10_000]
        headers = {"content-range": f"bytes {start}-199999/200000"}
        return httpx.Response(206 if start else 200, headers=headers, stream=Broken(part))

    hub.wrong = [a_little] * 19
    assert hub.fetch(volume, attempts=2).how == "Published"


def test_a_hub_without_ranges_is_read_from_the_beginning(hub: BadHub, volume: Path) -> None:
    hub.ranges = False
    hub.wrong = [on("_data", lambda data: httpx.Response(200, stream=Broken(data[:90_000])), hub)]
    assert hub.fetch(volume).downloaded == sum(map(len, hub.files.values())) + 90_000


def test_another_part_than_asked_for_is_not_taken(hub: BadHub, volume: Path) -> None:
    other = {"content-range": "bytes 5-199999/200000"}
    hub.wrong = [
        on("_data", lambda data: httpx.Response(200, stream=Broken(data[:90_000])), hub),
        on("_data", lambda data: httpx.Response(206, headers=other, content=data[5:]), hub),
    ]
    assert hub.fetch(volume).how == "Published"


def test_more_bytes_than_announced_are_not_written(hub: BadHub, volume: Path) -> None:
    hub.sizes["onnx/model.onnx_data"] = 1_000
    fails(hub, volume, Reason.CHECKSUM_MISMATCH)
    assert max(path.stat().st_size for path in volume.rglob("*") if path.is_file()) <= 1_000


@pytest.mark.parametrize("path", ["vocab.txt", "onnx/model.onnx"])
def test_every_flipped_byte_is_found_by_sha256_or_by_gits_id(hub: BadHub, volume: Path, path: str) -> None:
    data = hub.files[path]
    for position in range(0, len(data), max(1, len(data) // 25)):
        flipped = data[:position] + bytes([data[position] ^ 4]) + data[position + 1 :]
        hub.wrong = [on(path, sends(flipped), hub)] * 2
        assert path in fails(hub, volume, Reason.CHECKSUM_MISMATCH)


def test_what_rotted_in_staging_is_fetched_anew(hub: BadHub, volume: Path) -> None:
    hub.wrong = [
        on("_data", lambda data: httpx.Response(404, headers={"x-error-code": "EntryNotFound"}), hub)
    ]
    fails(hub, volume, Reason.SOURCE_NOT_FOUND)
    (staged,) = volume.rglob("model.onnx")
    staged.write_bytes(b"\0" + staged.read_bytes()[1:])
    assert hub.fetch(volume).how == "Published"


@pytest.mark.parametrize(
    "body", [b"<html>Log in</html>", b"{}", b"[]", b'{"sha": 1, "siblings": [{}]}', b"\xff"]
)
def test_a_page_in_place_of_the_hub_is_unreachable(hub: BadHub, volume: Path, body: bytes) -> None:
    hub.wrong = [lambda _: httpx.Response(200, content=body)] * 4
    assert "not its protocol" in fails(hub, volume, Reason.SOURCE_UNREACHABLE)


def test_the_token_stays_with_the_hub(hub: BadHub, volume: Path) -> None:
    hub.wrong = [answers(302, location="https://cdn.example/signed?x=1")]

    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.host == "cdn.example":
            hub.requests.append(request)
            return httpx.Response(200, content=hub.files["onnx/model.onnx_data"])
        return hub(request)

    with client_of(reply) as client:
        patience = Patience(1, sleep=hub.waits.append)
        remote = hub_at(client, patience, "s3cret")
        path = "onnx/model.onnx_data"
        there = SourceFile(path, 0, address=f"https://hub.example/demo/tiny/resolve/{COMMIT}/{path}")
        with remote.bytes_from(there, 0) as (_, chunks):
            assert b"".join(chunks) == hub.files["onnx/model.onnx_data"]
    seen = {request.url.host: request.headers.get("authorization") for request in hub.requests}
    assert seen == {"hub.example": "Bearer s3cret", "cdn.example": None}


@pytest.mark.parametrize(
    "location", ["http://hub.example/x", "file:///etc/passwd", "ftp://hub.example/x", "/api/loop"]
)
def test_unsafe_and_endless_redirects_are_refused(hub: BadHub, volume: Path, location: str) -> None:
    hub.wrong = [answers(302, location=location)] * 9
    assert "redirects" in fails(hub, volume, Reason.SOURCE_REFUSED)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "/etc/passwd",
        "onnx/../../x",
        "run.py",
        "model.safetensors",
        "a/b.model",
        "x.bin",
        "C:\\x",
    ],
)
def test_nothing_but_the_listed_names_is_fetched(hub: BadHub, volume: Path, name: str) -> None:
    hub.files[name] = b"x"
    result = hub.fetch(volume)
    assert name not in result.manifest.files
    assert not any(request.url.path.endswith(name) for request in hub.requests)
    inside = {path.relative_to(volume).parts[0] for path in volume.rglob("*")}
    assert inside == {"models"}


def test_a_file_without_any_checksum_is_not_trusted(hub: BadHub, volume: Path) -> None:
    bare = [{"rfilename": path, "size": len(data)} for path, data in hub.files.items()]
    hub.wrong = [lambda _: httpx.Response(200, json={"sha": COMMIT, "siblings": bare})]
    assert "has a checksum" in fails(hub, volume, Reason.CHECKSUM_MISMATCH)


def test_a_volume_that_is_too_small_is_said_to_be_before_a_byte_comes(
    hub: BadHub, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 100_000

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage)
    assert "100000 bytes free" in fails(hub, volume, Reason.OUT_OF_SPACE)
    assert [request.url.path for request in hub.requests] == ["/api/models/demo/tiny/revision/main"]


def test_a_volume_without_room_for_the_next_revision_is_said_to_be_too_small_at_the_first(
    hub: BadHub, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(map(len, hub.files.values()))

    class Usage:
        free = size * 3 // 2 + (16 << 20)

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage)
    said = fails(hub, volume, Reason.OUT_OF_SPACE)
    assert f"{2 * size + (16 << 20)} are needed" in said
    monkeypatch.undo()
    hub.fetch(volume)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage)
    hub.files["vocab.txt"] += b"more\n"
    hub.commit = "d" * 40
    assert hub.fetch(volume).how == "Published"  # the one before is there: room for one more is enough


@pytest.mark.parametrize("path", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("key", ["auto_map", "trust_remote_code"])
def test_settings_that_ask_for_code_are_refused_by_name(
    hub: BadHub, volume: Path, path: str, key: str
) -> None:
    hub.files[path] = json.dumps(
        {**json.loads(hub.files[path]), "inner": {key: {"AutoModel": "x.Y"}}}
    ).encode()
    said = fails(hub, volume, Reason.SOURCE_REFUSED)
    assert path in said
    assert key in said


def test_what_is_never_fetched_is_named_whether_the_rest_is_served_or_not(hub: BadHub, volume: Path) -> None:
    hub.files |= {"pytorch_model.bin": b"x", "run.py": b"x", "model.tar.gz": b"x"}
    (warning,) = hub.fetch(volume).warnings
    for told in ("pytorch_model.bin (a pickle)", "run.py (code)", "model.tar.gz (an archive)"):
        assert told in warning
    del hub.files["onnx/model.onnx"]
    hub.commit = "d" * 40
    with pytest.raises(FetchError) as failed:
        hub.fetch(volume)
    assert failed.value.reason is Reason.UNSUPPORTED_FORMAT
    assert "pytorch_model.bin (a pickle)" in str(failed.value)


def test_a_digest_of_a_pickle_does_not_make_it_one_that_is_fetched(hub: BadHub, volume: Path) -> None:
    hub.files["pytorch_model.bin"] = b"x"
    pin = {"path": "pytorch_model.bin", "sha256": hashlib.sha256(b"x").hexdigest()}
    source = {"uri": "hf://demo/tiny", "files": [pin]}
    assert "pytorch_model.bin (a pickle)" in fails(hub, volume, Reason.SOURCE_REFUSED, source=source)


def test_a_volume_that_fills_up_on_the_way_is_said_to_be_full(
    hub: BadHub, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staging, "_write", full)
    assert fails(hub, volume, Reason.OUT_OF_SPACE) == "The volume is full."
    monkeypatch.undo()
    assert hub.fetch(volume).how == "Published"


def test_an_attempt_that_ended_just_before_the_rename_is_finished(
    hub: BadHub, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        hub.fetch(volume)
    monkeypatch.undo()
    assert list(volume.rglob("revisions/*")) == []
    result = hub.fetch(volume)
    assert (result.how, result.downloaded) == ("Published", 0)


def test_a_commit_is_fetched_again_where_its_revision_lost_a_file(hub: BadHub, volume: Path) -> None:
    first = hub.fetch(volume)
    revision = volume / "models" / "tiny-en" / "revisions" / first.manifest.digest
    (revision / "vocab.txt").unlink()
    assert hub.fetch(volume).how == "Published"
    assert (revision / "vocab.txt").is_file()
