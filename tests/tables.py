"""What was measured: build/NAME.json keeps all of it, and a table of a document quotes it.

`python3 tests/tables.py attacks` (or `faults`) writes that table anew of what the file holds. Knows nothing
of the product and needs no package, so that it runs in every room's environment.
"""

import fcntl
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]

Row = Mapping[str, Any]


@contextmanager
def kept(name: str) -> Iterator[dict[str, Any]]:
    """Give what build/NAME.json holds, to be changed, and write it back; one process at a time.

    Nothing is written where the block raises.
    """
    file = _file(name)
    file.parent.mkdir(exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        body = _read(name)
        yield body
        text = json.dumps(body, indent=2, ensure_ascii=False)
        file.write_text(text + "\n", encoding="utf-8")


def line(cells: Iterable[str]) -> str:
    """Give one line of a table; a bar inside of a cell stays a bar, and lines of a cell become one."""
    return f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in cells)} |"


def head(columns: Sequence[str]) -> list[str]:
    """Give the two lines a table begins with."""
    return [line(columns), line(["---"] * len(columns))]


def between(page: str, marker: str) -> str:
    """Give what stands between <!-- MARKER --> and <!-- end of MARKER --> of a page.

    Raises ValueError where a page lacks one of the two.
    """
    _, rest = page.split(f"<!-- {marker} -->")
    return rest.split(f"<!-- end of {marker} -->")[0].strip("\n")


def replaced(page: str, marker: str, lines: Iterable[str]) -> str:
    """Give the page with these lines in place of what stood there. Raises ValueError as `between` does."""
    begin, end = f"<!-- {marker} -->", f"<!-- end of {marker} -->"
    before, rest = page.split(begin)
    after = rest.split(end)[1]
    return "\n".join([before + begin, *lines, end + after])


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that have an `id`, in build/NAME.json under NAME and in a page between the marks of that name."""

    name: str
    page: str
    columns: Mapping[str, Callable[[Row], str]]
    """What stands over each column, and what a row says in it; the first one is the id."""

    def merge(self, rows: Iterable[Row]) -> None:
        """Put rows into the file, in place of those that had their ids."""
        with kept(self.name) as body:
            known = {row["id"]: row for row in (*body.get(self.name, []), *rows)}
            body[self.name] = [known[key] for key in sorted(known, key=place)]

    def with_rows(self, page: str, rows: Iterable[Row]) -> str:
        """Give the page with these rows in its table; a row that was not measured again stays."""
        known = {found: text for text in between(page, self.name).splitlines()[2:] if (found := _id(text))}
        known |= {row["id"]: line(cell(row) for cell in self.columns.values()) for row in rows}
        body = [known[key] for key in sorted(known, key=place)]
        return replaced(page, self.name, [*head(list(self.columns)), *body])

    def write(self) -> None:
        """Put what the file holds into the page."""
        page = REPO / self.page
        text = self.with_rows(page.read_text(encoding="utf-8"), _read(self.name).get(self.name, []))
        page.write_text(text, encoding="utf-8")


def place(identity: str) -> list[str | int]:
    """Order ids by their words and numbers: M2 before M10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", identity)]


def _id(text: str) -> str:
    return text.removeprefix("| ").partition(" |")[0]


def _file(name: str) -> Path:
    return REPO / "build" / f"{name}.json"


def _read(name: str) -> dict[str, Any]:
    file = _file(name)
    body: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return body


def _got_through(row: Row) -> str:
    return str(row["got_through"]) if row["passed"] else f"**{row['got_through']}, failed**"


def _others(row: Row) -> str:
    rate = row.get("per_second")
    return ", ".join(
        [
            str(row["sent"]) + (f" at {rate['answered']:.0f}/s of {rate['offered']:.0f}" if rate else ""),
            "not counted" if row["failed"] is None else str(row["failed"]),
        ]
    )


ATTACKS = Table(
    "attacks",
    "docs/security.md",
    {
        "id": lambda row: row["id"],
        "attack": lambda row: row["attack"],
        "tried": lambda row: str(row["tried"]),
        "got through": _got_through,
        "figure": lambda row: row["figure"],
        "control": lambda row: row["control"],
    },
)

FAULTS = Table(
    "faults",
    "docs/reliability.md",
    {
        "id": lambda row: row["id"],
        "what was done": lambda row: row["fault"],
        "expected": lambda row: row["expected"],
        "seen": lambda row: row["seen"] if row["passed"] else f"**failed**: {row['seen']}",
        "others: sent, failed": _others,
        "healed after": lambda row: "" if row["healed_seconds"] is None else f"{row['healed_seconds']} s",
        "control": lambda row: row["control"],
    },
)

OPERATIONS = Table(
    "operations",
    "docs/performance.md",
    {"what": lambda row: row["id"], "figure": lambda row: row["figure"], "by": lambda row: row["how"]},
)
"""Its rows are made of what the suite keeps under names of its own: bench.operations."""

if __name__ == "__main__":
    {table.name: table for table in (ATTACKS, FAULTS)}[sys.argv[1]].write()
