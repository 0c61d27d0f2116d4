"""Where measured figures go: build/bench.json, which keeps them all, and tables of docs/performance.md."""

import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tables import REPO, head, kept, line, replaced

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
    with kept("bench") as figures:
        figures.update(found)


def table(marker: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, note: str = "") -> None:
    """Replace what stands between <!-- MARKER --> and <!-- end of MARKER --> of docs/performance.md."""
    lines = [f"Measured on {machine()}.{note and ' '}{note}", "", *head(columns), *map(line, rows)]
    _PAGE.write_text(replaced(_PAGE.read_text(), marker, lines))


def spread(values: Sequence[float], unit: str = "", *, digits: int = 1) -> str:
    """Return median and range; a single value stands alone."""
    middle = f"{statistics.median(values):.{digits}f}{unit and ' '}{unit}"
    if len(values) == 1:
        return middle
    return f"{middle} [{min(values):.{digits}f}-{max(values):.{digits}f}]"
