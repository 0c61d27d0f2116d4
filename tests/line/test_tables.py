"""Rows that were measured go where they belong, and those that were not measured again stay as they are."""

import json
from pathlib import Path

import pytest

from .. import tables
from ..tables import ATTACKS, FAULTS, Row, Table, kept, place, replaced

_PAGE = """# Attacks

<!-- attacks -->
| id | attack | tried | got through | figure | control |
| --- | --- | --- | --- | --- | --- |
| M2 | names | 27 | 0 | of before |  |
| M10 | sizes | 3 | 0 | of before |  |
<!-- end of attacks -->

After.
"""


def _attack(identity: str, **what: object) -> Row:
    row = {"id": identity, "attack": "names", "tried": 1, "got_through": 0}
    return row | {"passed": True, "figure": "", "control": "", **what}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tables, "REPO", tmp_path)
    return tmp_path


def test_a_row_takes_the_place_of_the_one_before_and_leaves_the_others() -> None:
    page = ATTACKS.with_rows(_PAGE, [_attack("M2", figure="of now")])

    assert "| M2 | names | 1 | 0 | of now |  |\n| M10 | sizes | 3 | 0 | of before |  |" in page
    assert page.startswith("# Attacks\n")
    assert page.endswith("<!-- end of attacks -->\n\nAfter.\n")


def test_rows_stand_in_the_order_of_their_numbers() -> None:
    ids = ["M10", "H1a@ingress", "M2", "hub-429", "H1b", "H1a"]

    assert sorted(ids, key=place) == ["H1a", "H1a@ingress", "H1b", "M2", "M10", "hub-429"]


def test_what_failed_says_so() -> None:
    attack = ATTACKS.with_rows(_PAGE, [_attack("M2", passed=False, got_through=4)])
    fault = {"id": "hub-down", "fault": "no pod", "expected": "waits", "seen": "nothing", "passed": False}
    page = FAULTS.with_rows(
        "<!-- faults -->\n<!-- end of faults -->",
        [{**fault, "sent": 9, "failed": None, "healed_seconds": None, "control": ""}],
    )

    assert "| M2 | names | 1 | **4, failed** |" in attack
    assert "| hub-down | no pod | waits | **failed**: nothing | 9, not counted |  |  |" in page


def test_a_bar_in_a_cell_is_no_column() -> None:
    assert r"| a\|b |" in ATTACKS.with_rows(_PAGE, [_attack("M2", figure="a|b")])


def test_written_twice_is_written_once() -> None:
    once = ATTACKS.with_rows(_PAGE, [_attack("M2")])

    assert ATTACKS.with_rows(once, [_attack("M2")]) == once


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        replaced("# Attacks\n", "attacks", [])


def test_rows_are_kept_in_a_file(folder: Path) -> None:
    ATTACKS.merge([_attack("M10"), _attack("M2")])
    ATTACKS.merge([_attack("M2", tried=5)])

    body = json.loads((folder / "build/attacks.json").read_text("utf-8"))
    assert [(row["id"], row["tried"]) for row in body["attacks"]] == [("M2", 5), ("M10", 1)]


def test_a_table_is_written_of_its_file(folder: Path) -> None:
    (folder / "page.md").write_text("<!-- counts -->\n<!-- end of counts -->\n")
    counts = Table("counts", "page.md", {"id": lambda row: row["id"], "n": lambda row: str(row["n"])})
    counts.merge([{"id": "one", "n": 1}])

    counts.write()

    said = (folder / "page.md").read_text()
    assert said == "<!-- counts -->\n| id | n |\n| --- | --- |\n| one | 1 |\n<!-- end of counts -->\n"


def test_figures_of_a_block_that_fails_are_not_kept(folder: Path) -> None:
    with kept("bench") as figures:
        figures["a"] = 1

    def fails() -> None:
        with kept("bench") as figures:
            figures["a"] = 2
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fails()

    assert json.loads((folder / "build/bench.json").read_text()) == {"a": 1}
