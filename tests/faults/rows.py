"""What a fault did, row by row, while others asked: into build/faults.json."""

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..e2e import traffic
from ..e2e.traffic import Answer, Traffic
from .table import FILE

LEAST_RATE = 5.0
"""Requests a second. A slow machine is noted in the row, and not held against what is tested."""

_LONGEST = 400


@dataclass
class Row:
    """One fault: what was done and expected, what was seen, and how long it took to heal.

    The seconds run from `mended` (its cause is gone), or from `struck` where it heals by itself, to `healed`.
    """

    id: str
    fault: str
    expected: str
    seen: list[str] = field(default_factory=list)
    control: str = ""
    healed_seconds: float | None = None
    passed: bool = False
    touched: float = field(default_factory=time.monotonic)
    """When something was noted last: an error that comes after it is this row's."""
    _since: float = field(default_factory=time.monotonic)

    def struck(self) -> None:
        """Note that the fault is there from now on."""
        self._since = self.touched = time.monotonic()

    def mended(self) -> None:
        """Note that its cause is gone from now on."""
        self._since = self.touched = time.monotonic()

    def saw(self, what: str) -> None:
        """Note what was seen."""
        self.seen.append(what)
        self.touched = time.monotonic()

    def healed(self) -> None:
        """Note that all is as it was, and that everything expected was seen."""
        self.touched = time.monotonic()
        self.healed_seconds = round(self.touched - self._since, 1)
        self.passed = True

    def survived(self) -> None:
        """Note that everything expected was seen, and nothing had to heal."""
        self.touched = time.monotonic()
        self.passed = True

    def after(self) -> float:
        """Return the seconds since the fault struck."""
        return round(time.monotonic() - self._since, 1)


class Load:
    """A load on the other models while faults strike; writes the rows when it ends."""

    def __init__(self, sent: Traffic) -> None:
        self._traffic = sent
        self._rows: list[Row] = []

    def row(self, name: str, fault: str, expected: str) -> Row:
        """Begin a row."""
        self._rows.append(Row(name, fault, expected))
        return self._rows[-1]

    @property
    def traffic(self) -> Traffic:
        """The requests that are sent meanwhile."""
        return self._traffic

    def __enter__(self) -> Self:
        self._traffic.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._traffic.__exit__(kind, error, trace)
            failed = self._traffic.failed(lambda _: True, LEAST_RATE)
        except AssertionError as too_little:
            self._write(None, error or too_little)
            raise
        self._write(failed, error)
        if error is None:
            assert failed == []
            assert [row.id for row in self._rows if not row.passed] == []

    def _write(self, failed: list[Answer] | None, error: BaseException | None) -> None:
        if error is not None and self._rows:
            max(self._rows, key=lambda row: row.touched).passed = False
        sent, rate = len(self._traffic.answers), self._traffic.rate
        honest = sum(answer.fault == "honest" for answer in self._traffic.answers)
        away = sorted({answer.model_type for answer in self._traffic.answers if answer.fault == "honest"})
        with merged(FILE) as kept:
            for row in self._rows:
                why = [] if row.passed or error is None else [f"stopped: {error}"]
                if rate < traffic.LEAST_RATE:
                    why.append(f"load of {rate:.0f}/s only")
                if honest:
                    why.append(f"{honest} honest 503s of {', '.join(away)}")
                if failed:
                    why.append(f"failed requests, the first: {failed[0]}")
                kept[row.id] = {
                    "id": row.id,
                    "fault": row.fault,
                    "expected": row.expected,
                    "seen": "; ".join([*row.seen, *why])[:_LONGEST],
                    "passed": row.passed and failed == [],
                    "sent": sent,
                    "failed": len(failed) if failed is not None else None,
                    "healed_seconds": row.healed_seconds,
                    "control": row.control,
                }


@contextmanager
def merged(file: Path) -> Iterator[dict[str, Any]]:
    """Give the rows of a file by id, and write them back sorted; one process at a time."""
    file.parent.mkdir(exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = json.loads(file.read_text())["faults"] if file.exists() else []
        kept = {row["id"]: row for row in rows}
        yield kept
        text = json.dumps({"faults": [kept[key] for key in sorted(kept)]}, indent=1, ensure_ascii=False)
        file.write_text(text + "\n")
