"""What a fault did, row by row, while others asked: into build/faults.json."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from ..e2e import traffic
from ..e2e.traffic import Answer, Traffic
from ..tables import FAULTS

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
        self._excused: Callable[[Answer], bool] = lambda _: False

    def row(self, name: str, fault: str, expected: str) -> Row:
        """Begin a row."""
        self._rows.append(Row(name, fault, expected))
        return self._rows[-1]

    def excuse(self, of_others: Callable[[Answer], bool]) -> None:
        """Count answers apart that something else than the product failed, which has to be shown to be so."""
        self._excused = of_others

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
            found = self._traffic.failed(lambda _: True)
            failed = [answer for answer in found if not self._excused(answer)]
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
        about_load = []
        if rate < traffic.LEAST_RATE:
            about_load.append(f"load of {rate:.0f}/s only, of {traffic.RATE:.0f} offered: proves nothing")
        if honest:
            about_load.append(f"{honest} honest 503s of {', '.join(away)}")
        wrong = [answer for answer in self._traffic.answers if answer.fault not in {"", "honest"}]
        if apart := sum(map(self._excused, wrong)):
            about_load.append(f"{apart} failed requests that are counted apart")
        if failed:
            about_load.append(f"failed requests, the first: {failed[0]}")
        FAULTS.merge(
            {
                "id": row.id,
                "fault": row.fault,
                "expected": row.expected,
                "seen": "; ".join([*row.seen, *_stopped(row, error), *about_load])[:_LONGEST],
                "passed": row.passed and failed == [],
                "sent": sent,
                "per_second": {"offered": traffic.RATE, "answered": round(rate, 1)},
                "failed": len(failed) if failed is not None else None,
                "healed_seconds": row.healed_seconds,
                "control": row.control,
            }
            for row in self._rows
        )


def _stopped(row: Row, error: BaseException | None) -> list[str]:
    return [] if row.passed or error is None else [f"stopped: {' '.join(str(error).split())}"]
