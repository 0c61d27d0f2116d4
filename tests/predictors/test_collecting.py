"""Old revisions leave a volume by one rule, and what serves never does."""

import json
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_predictor import manifest, outcome
from veriaidpo_predictor.__main__ import main
from veriaidpo_predictor.fetching import collecting
from veriaidpo_predictor.fetching.collecting import Keep

A_MODEL: dict[str, Any] = {
    "schema_version": 1,
    "model": "m",
    "model_type": "t",
    "language": "vi",
    "task": "text-classification",
    "source": {"uri": "hf://o/m", "revision": "main", "commit": "c"},
    "recipe": "r",
    "cpu_class": "any",
    "format": "onnx-fp32",
    "max_tokens": 8,
    "labels": [{"id": "a", "en": "A", "vi": "A"}],
    "tokenizer": "wordpiece",
}


def published(root: Path, count: int) -> list[str]:
    """Put revisions on a volume, the newest first."""
    found = []
    for number in range(count):
        sha = f"{number:064x}"
        digest = manifest.digest_of({"config.json": sha}, recipe="r")
        folder = root / "models/m/revisions" / digest
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        files = {"config.json": {"sha256": sha, "size": 2}}
        made = manifest.Manifest.model_validate(
            A_MODEL | {"files": files, "digest": digest, "created_at": f"2026-01-0{number + 1}T00:00:00Z"}
        )
        (folder / manifest.FILE_NAME).write_bytes(manifest.encode(made))
        found.append(digest)
    return found[::-1]


def there(root: Path) -> set[str]:
    return {path.name for path in (root / "models/m/revisions").iterdir()}


def test_the_newest_and_the_protected_stay(tmp_path: Path) -> None:
    fifth, fourth, third, second, first = published(tmp_path, 5)
    gone = collecting.collect(tmp_path / "models/m", Keep(2, protected=(first[:12],)))
    assert set(gone) == {third, second}
    assert there(tmp_path) == {fifth, fourth, first}


def test_what_shall_go_goes_and_makes_room_for_an_older_one(tmp_path: Path) -> None:
    third, second, first = published(tmp_path, 3)
    collecting.collect(tmp_path / "models/m", Keep(2, dropped=(third,)))
    assert there(tmp_path) == {second, first}


def test_without_a_number_all_stay(tmp_path: Path) -> None:
    published(tmp_path, 3)
    assert collecting.collect(tmp_path / "models/m", Keep()) == []


@pytest.mark.parametrize("name", ["", "0", "0123456789a"])
def test_fewer_than_twelve_digits_name_nothing(tmp_path: Path, name: str) -> None:
    _, first = published(tmp_path, 2)
    digits = first[: len(name)]
    assert collecting.collect(tmp_path / "models/m", Keep(dropped=(digits,))) == []


def test_before_a_new_one_comes_there_is_room_for_it_and_the_last_one_stays() -> None:
    assert [Keep(n).beside_a_new_one().newest for n in (0, 1, 2, 5)] == [0, 1, 1, 4]


def test_what_has_no_sound_manifest_is_left_for_a_person(tmp_path: Path) -> None:
    _, first = published(tmp_path, 2)
    (tmp_path / "models/m/revisions" / first / manifest.FILE_NAME).write_text("{}")
    collecting.collect(tmp_path / "models/m", Keep(1))
    assert first in there(tmp_path)


def test_a_revision_loses_its_manifest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, first = published(tmp_path, 2)

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        collecting.collect(tmp_path / "models/m", Keep(1))
    assert first not in collecting.published(tmp_path / "models/m")
    monkeypatch.undo()
    collecting.collect(tmp_path / "models/m", Keep())
    assert first not in there(tmp_path)


def test_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, first = published(tmp_path, 2)
    assert main(["gc", str(tmp_path), "--keep", "1"]) == 0
    assert capsys.readouterr().out == f"m {first} removed\n"


def test_a_termination_message_stays_readable_whatever_the_warnings_are() -> None:
    body = {"reason": "Published", "revisions": ["a" * 64] * 20, "warnings": ["ế" * 200] * 8}
    line = outcome.message_of(body)
    assert len(line.encode()) <= outcome.MAX_MESSAGE_BYTES
    assert json.loads(line)["revisions"] == body["revisions"]
