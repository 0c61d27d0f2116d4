"""A manifest has a sha256 of its own: no word of it can change without being found."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from veriaidpo_predictor import manifest
from veriaidpo_predictor.manifest import ManifestError

from ..documents import commands

Publish = Callable[..., Path]


@pytest.fixture
def written(revision: Path) -> Path:
    """Write a revision's manifest as a fetch does; give its file."""
    path = revision / "manifest.json"
    path.write_bytes(manifest.encode(manifest.read(revision)))
    return path


def test_one_bit_anywhere_is_found_or_says_the_same(written: Path) -> None:
    sound, truth = written.read_bytes(), manifest.read(written.parent)
    found = 0
    for at in range(len(sound)):
        written.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
        try:
            assert manifest.read(written.parent) == truth
        except ManifestError:
            found += 1
    assert found > 0.9 * len(sound)


@pytest.mark.parametrize("word", ["Sự đồng ý", "The customer does agree", "2026-11-23", '"maxTokens": 256'])
def test_another_word_is_found_and_told_as_damage(written: Path, word: str) -> None:
    text = written.read_text(encoding="utf-8")
    assert word in text
    written.write_text(text.replace(word, word[:-1] + "9"), encoding="utf-8")
    with pytest.raises(
        ManifestError, match=r"manifest.json of revision \w{12} has another sha256 than published"
    ):
        manifest.read(written.parent)


def test_it_is_looked_at_again_whenever_the_files_are(written: Path) -> None:
    before = manifest.read(written.parent)
    manifest.verify(written.parent, before)
    written.write_bytes(manifest.encode(before.model_copy(update={"max_tokens": 8})))
    with pytest.raises(ManifestError, match=r"manifest.json of revision"):
        manifest.verify(written.parent, before)


def test_what_a_version_before_published_has_none_and_is_served(revision: Path) -> None:
    assert "sha256" not in json.loads((revision / "manifest.json").read_text())
    assert manifest.read(revision).sha256 is None


def test_the_command_for_a_version_before_takes_just_that_line_away(written: Path) -> None:
    blocks = commands("docs/operate.md", "Rollout, and the way back")
    (command,) = [line for block in blocks for line in block if "manifest.json" in line]
    before = json.loads(written.read_text(encoding="utf-8"))
    subprocess.run(["bash", "-c", command.replace("/mnt/models", str(written.parent))], check=True)
    after = json.loads(written.read_text(encoding="utf-8"))
    assert before.pop("sha256")
    assert after == before
    assert manifest.read(written.parent).sha256 is None
