"""One row an attack: into build/attacks.json by its id, and into the table of docs/security.md.

`python -m attacks.rows`, with tests/ on the path, writes the table anew of what has been measured. Knows
nothing of the product, so that it runs in every room's environment.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
FILE = REPO / "build" / "attacks.json"
PAGE = REPO / "docs" / "security.md"
BEGIN, END = "<!-- attacks -->", "<!-- end of attacks -->"

_ID = re.compile(r"([A-Z])([0-9]+)([a-z]?)")
_HEAD = ("| id | attack | tried | got through | figure | control |", "| --- | --- | --- | --- | --- | --- |")


@dataclass(slots=True)
class Row:
    """What was tried and how it went. `control` is what the same attack does with the defence off."""

    id: str
    attack: str
    tried: int = 0
    got_through: int = 0
    passed: bool = False
    figure: str = ""
    control: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"{self.id} is not an id such as M1 or T3b")

    def line(self) -> str:
        """Give its line of the table."""
        through = str(self.got_through) if self.passed else f"**{self.got_through}, failed**"
        cells = (self.id, self.attack, str(self.tried), through, self.figure, self.control)
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def merge(rows: Iterable[Row], file: Path = FILE) -> None:
    """Put rows into the file, in place of those that had their ids."""
    kept = {row.id: row for row in read(file)} | {row.id: row for row in rows}
    file.parent.mkdir(exist_ok=True)
    body = {"attacks": [asdict(kept[key]) for key in sorted(kept, key=_place)]}
    file.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read(file: Path = FILE) -> list[Row]:
    """Give the rows of the file; none where nothing was measured yet."""
    if not file.exists():
        return []
    return [Row(**row) for row in json.loads(file.read_text(encoding="utf-8"))["attacks"]]


def with_table(page: str, rows: Iterable[Row]) -> str:
    """Give the page with these rows between its marks; a row that was not measured again stays."""
    before, _, rest = page.partition(BEGIN)
    table, _, after = rest.partition(END)
    known = (line for line in table.splitlines() if _ID.fullmatch(line[2:].partition(" ")[0]))
    lines = {line[2:].partition(" ")[0]: line for line in known} | {row.id: row.line() for row in rows}
    written = "\n".join((*_HEAD, *(lines[key] for key in sorted(lines, key=_place))))
    return f"{before}{BEGIN}\n{written}\n{END}{after}"


def _place(key: str) -> tuple[str, int, str]:
    """Order ids by letter and number: M2 before M10."""
    found = _ID.fullmatch(key)
    assert found is not None, key
    return found[1], int(found[2]), found[3]


def main() -> None:
    """Write the table of what the file holds."""
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), read()), encoding="utf-8")


if __name__ == "__main__":
    main()
