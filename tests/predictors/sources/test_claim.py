"""pvc://: files on a volume that is mounted beside the one of the revisions."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Ended

Fetch = Callable[..., Ended]


@pytest.fixture
def claim(tmp_path: Path, repository: Callable[..., dict[str, bytes]]) -> Path:
    """A volume with the tiny model below models/tiny."""
    for path, data in repository().items():
        file = tmp_path / "claim" / "models" / "tiny" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path / "claim"


def test_files_are_copied_and_their_digests_are_the_revision(claim: Path, fetch: Fetch, volume: Path) -> None:
    run = {"SOURCE_CLAIM_DIR": str(claim)}
    code, first = fetch({"uri": "pvc://shared/models/tiny"}, **run)
    assert (code, first["reason"]) == (0, "Published"), first
    assert fetch({"uri": "pvc://shared/models/tiny"}, **run)[1]["reason"] == "Adopted"
    served = volume / "models" / "tiny-en" / "revisions" / first["digest"] / "vocab.txt"
    before = served.read_bytes()
    (claim / "models" / "tiny" / "vocab.txt").write_bytes(before + b"more\n")
    assert served.read_bytes() == before  # whoever may write there changes nothing that is served
    second = fetch({"uri": "pvc://shared/models/tiny"}, **run)[1]
    assert (second["reason"], second["commit"] != first["commit"]) == ("Published", True)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("pvc://shared/other", "SourceNotFound"),
        ("pvc://shared/models/../../etc", "SourceRefused"),
        ("pvc://shared/link", "SourceRefused"),
        ("pvc://shared", "UnsupportedFormat"),
    ],
)
def test_what_is_not_there_or_lies_elsewhere_is_refused(
    claim: Path, fetch: Fetch, uri: str, reason: str
) -> None:
    (claim / "link").symlink_to("/etc")
    assert fetch({"uri": uri}, SOURCE_CLAIM_DIR=str(claim))[1]["reason"] == reason


def test_links_are_not_followed(claim: Path, fetch: Fetch, tmp_path: Path) -> None:
    config = claim / "models" / "tiny" / "config.json"
    (tmp_path / "config.json").write_bytes(config.read_bytes())
    config.unlink()
    config.symlink_to(tmp_path / "config.json")
    code, said = fetch({"uri": "pvc://shared/models/tiny"}, SOURCE_CLAIM_DIR=str(claim))
    assert (code, said["reason"]) == (18, "UnsupportedFormat")
    assert "config.json" in said["message"]


def test_a_scheme_that_is_not_allowed_is_refused(claim: Path, fetch: Fetch) -> None:
    environment = {"SOURCE_CLAIM_DIR": str(claim), "SOURCE_SCHEMES": "hf"}
    assert fetch({"uri": "pvc://shared/models/tiny"}, **environment)[1]["reason"] == "SourceRefused"
