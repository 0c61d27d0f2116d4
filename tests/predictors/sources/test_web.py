"""https://: files on a web server whose CA only the fetch is told of."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ended, FileServer

Fetch = Callable[..., Ended]


def test_files_are_fetched_by_the_specs_digests(
    web: FileServer, pins: list[dict[str, str]], fetch: Fetch
) -> None:
    source = {"uri": f"{web.url}/tiny/", "files": pins}
    code, said = fetch(source)
    assert (code, said["reason"]) == (0, "Published"), said
    web.asked.clear()
    code, again = fetch(source)
    assert (again["reason"], again["digest"], again["commit"]) == ("Adopted", said["digest"], said["commit"])
    assert web.asked == []  # the digests say what it is


def test_files_are_fetched_by_a_list_beside_them_and_the_list_is_the_revision(
    web: FileServer, pins: list[dict[str, str]], fetch: Fetch
) -> None:
    source = {"uri": f"{web.url}/tiny/SHA256SUMS"}
    _, first = fetch(source)
    assert first["reason"] == "Published", first
    assert fetch(source)[1]["reason"] == "Adopted"
    config = web.folder / "tiny" / "config.json"
    config.write_bytes(config.read_bytes() + b"\n")
    sums = web.folder / "tiny" / "SHA256SUMS"
    old = next(pin["sha256"] for pin in pins if pin["path"] == "config.json")
    sums.write_text(sums.read_text().replace(old, hashlib.sha256(config.read_bytes()).hexdigest()))
    _, second = fetch(source)
    assert second["reason"] == "Published", second
    assert second["commit"] != first["commit"]


def test_a_list_of_more_than_ten_thousand_files_is_refused_and_not_cut(
    web: FileServer, pins: list[dict[str, str]], fetch: Fetch
) -> None:
    sums = web.folder / "tiny" / "SHA256SUMS"
    # What is listed first is of a kind that is never fetched; the model's files come after it.
    others = (f"{'0' * 64}  {number}.md\n" for number in range(10_000 - len(pins)))
    sums.write_text("".join(others) + sums.read_text())
    code, said = fetch({"uri": f"{web.url}/tiny/SHA256SUMS"})
    assert code == 0, said
    sums.write_text(f"{'0' * 64}  one-more.md\n" + sums.read_text())
    code, said = fetch({"uri": f"{web.url}/tiny/SHA256SUMS"})
    assert (code, said["reason"]) == (19, "SourceRefused")
    assert "too many files" in said["message"]


def test_other_bytes_than_the_digest_says_are_refused_by_name(
    web: FileServer, pins: list[dict[str, str]], fetch: Fetch, volume: Path
) -> None:
    (web.folder / "tiny" / "vocab.txt").write_bytes(b"x" * 99)
    code, said = fetch({"uri": f"{web.url}/tiny/", "files": pins})
    assert (code, said["reason"]) == (15, "ChecksumMismatch")
    assert "vocab.txt" in said["message"]
    assert list(volume.rglob("manifest.json")) == []


def test_without_digests_nothing_is_fetched(web: FileServer, fetch: Fetch) -> None:
    assert fetch({"uri": f"{web.url}/tiny/"})[1]["reason"] == "InvalidSpec"
    assert web.asked == []


def test_a_download_goes_on_at_the_byte_where_it_broke_off(
    web: FileServer, pins: list[dict[str, str]], fetch: Fetch
) -> None:
    web.cut = 100
    code, said = fetch({"uri": f"{web.url}/tiny/", "files": pins})
    assert code == 0, said
    assert said["bytesDownloaded"] == said["bytesTotal"]


def test_a_token_is_a_file_and_goes_to_its_own_server_only(
    web: FileServer, pins: list[dict[str, str]], fetch: Fetch, tmp_path: Path
) -> None:
    source = {"uri": f"{web.url}/tiny/", "files": pins}
    web.token = "t0ken-of-the-web-server"
    assert fetch(source)[1]["reason"] == "SourceUnauthorized"
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "token").write_text(web.token)
    code, said = fetch(source, SOURCE_SECRET_DIR=str(tmp_path / "secret"))
    assert code == 0, said


def test_a_redirect_takes_no_token_along(
    web: FileServer, pins: list[dict[str, str]], fetch: Fetch, tmp_path: Path
) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "token").write_text("t0ken-of-the-web-server")
    web.moved = web.url.replace("localhost", "127.0.0.1")
    environment = {
        "SOURCE_SECRET_DIR": str(tmp_path / "secret"),
        "SOURCE_HOSTS_INSIDE": "localhost,127.0.0.1",
    }
    source = {"uri": f"{web.url}/moved/tiny/", "files": pins}
    code, said = fetch(source, **environment)
    assert code == 0, said
    assert {token is None for path, token in web.asked if not path.startswith("/moved/")} == {True}
    assert {token is None for path, token in web.asked if path.startswith("/moved/")} == {False}
    assert fetch({**source, "uri": f"{web.url}/moved/./tiny/"}, SOURCE_HOSTS_INSIDE="localhost")[1][
        "reason"
    ] == ("SourceRefused")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"SOURCE_HOSTS_INSIDE": "", "SOURCE_HOSTS": "localhost"}, "SourceRefused"),
        ({"SOURCE_HOSTS_INSIDE": "", "SOURCE_HOSTS": "example.com"}, "SourceRefused"),
        ({"SOURCE_SCHEMES": "hf s3"}, "SourceRefused"),
        ({"SOURCE_CA_FILE": ""}, "SourceUnreachable"),
        ({"SOURCE_CA_FILE": __file__}, "InvalidSpec"),
    ],
)
def test_what_is_not_allowed_or_not_trusted_is_not_asked(
    web: FileServer, pins: list[dict[str, str]], fetch: Fetch, changed: dict[str, str], reason: str
) -> None:
    source: dict[str, Any] = {"uri": f"{web.url}/tiny/", "files": pins}
    assert fetch(source, attempts=1, **changed)[1]["reason"] == reason
    assert web.asked == []
