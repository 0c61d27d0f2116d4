"""Where measured figures go: build/bench.json, which keeps them all, and tables of docs/performance.md."""

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
_FILE = REPO / "build/bench.json"
_PAGE = REPO / "docs/performance.md"


def machine() -> str:
    """Return the processor, what it can multiply, its cores, and the day."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = set(said.get("flags", "").split())
    known = ("amx_int8", "avx512_vnni", "avx_vnni", "avx2")
    best = next((name for name in known if name in flags), "no avx2")
    model = said.get("model name", "unknown")
    return f"{os.cpu_count()} cores of {model} ({best}), {platform.system()}, {time.strftime('%Y-%m-%d')}"


def merge(found: dict[str, Any]) -> None:
    """Put figures into build/bench.json; what it holds under other names stays."""
    _FILE.parent.mkdir(exist_ok=True)
    kept: dict[str, Any] = json.loads(_FILE.read_text()) if _FILE.exists() else {}
    _FILE.write_text(json.dumps(kept | found, indent=2, ensure_ascii=False) + "\n")


def table(marker: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, note: str = "") -> None:
    """Replace what stands between <!-- MARKER --> and <!-- end of MARKER --> of docs/performance.md."""
    lines = [f"Measured on {machine()}.{note and ' '}{note}", "", _line(head), _line(["---"] * len(head))]
    before, rest = _PAGE.read_text().split(f"<!-- {marker} -->")
    after = rest.split(f"<!-- end of {marker} -->")[1]
    text = "\n".join([*lines, *map(_line, rows)])
    _PAGE.write_text(f"{before}<!-- {marker} -->\n{text}\n<!-- end of {marker} -->{after}")


def spread(values: Sequence[float], unit: str = "", *, digits: int = 1) -> str:
    """Return median and range; a single value stands alone."""
    middle = f"{statistics.median(values):.{digits}f}{unit and ' '}{unit}"
    if len(values) == 1:
        return middle
    return f"{middle} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
