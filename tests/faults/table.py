"""The table of docs/reliability.md, from the rows of build/faults.json.

`python -m faults.table`, with tests/ on the path, writes it anew; a row that was not measured again stays.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
FILE = REPO / "build/faults.json"
PAGE = REPO / "docs/reliability.md"
BEGIN, END = "<!-- faults -->", "<!-- end of faults -->"

_HEAD = (
    "| id | what was done | expected | seen | others: sent, failed | healed after | control |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)
_LINE = re.compile(r"\| ([a-z][a-z0-9-]+) \|")


def line(row: Mapping[str, Any]) -> str:
    """Return a row's line of the table."""
    seconds, failed = row["healed_seconds"], row["failed"]
    cells = (
        row["id"],
        row["fault"],
        row["expected"],
        row["seen"] if row["passed"] else f"**failed**: {row['seen']}",
        f"{row['sent']}, {'not counted' if failed is None else failed}",
        f"{seconds} s" if seconds is not None else "",
        row["control"],
    )
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def with_table(page: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the page with these rows between its marks."""
    before, _, rest = page.partition(BEGIN)
    table, _, after = rest.partition(END)
    known = {
        found[1]: text for text in table.splitlines() if (found := _LINE.match(text)) and found[1] != "id"
    }
    lines = known | {str(row["id"]): line(row) for row in rows}
    written = "\n".join((*_HEAD, *(lines[key] for key in sorted(lines))))
    return f"{before}{BEGIN}\n{written}\n{END}{after}"


def main() -> None:
    """Write the table of what the file holds."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))["faults"] if FILE.exists() else []
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")


if __name__ == "__main__":
    main()
