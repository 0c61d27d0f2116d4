"""Finds what was done to records after they were written: removed, changed, added, moved or cut. Pure.

Every row is held against its own hash, every hash against the chain, every chain against what was signed
about it, and every erased row against the receipt that says it had to go.
"""

import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import attrgetter

from veriaidpo_gateway.records.erased import Erasures
from veriaidpo_gateway.records.findings import Finding, Kind, Report
from veriaidpo_gateway.records.rows import Hashed, beginning, link_of
from veriaidpo_gateway.records.runs import Part, Run
from veriaidpo_gateway.records.signed import Ends, by_chain
from veriaidpo_gateway.records.signing import Head, Receipt

NEAR = 64
"""How many rows somebody may have put in at one place and each of them still be told by name."""

MOST_LOOSE = 1_000
"""Rows of a chain that are looked for elsewhere in it; of further ones it is said that they changed."""

_NO_HEAD = (sys.maxsize, b"")


@dataclass(slots=True)
class _Loose:
    """A row that does not follow the one before it, whose link is `before`.

    It does follow the one at `skipped`, unless that is None.
    """

    before: bytes
    row: Hashed
    skipped: int | None


def verify(rows: Iterable[Part], heads: Iterable[Head], receipts: Iterable[Receipt]) -> Report:
    """Look at rows, chain by chain in the order of their positions; the signatures were checked before.

    Heads are gone through first, then receipts, then rows, each once.
    """
    report = Report()
    signed, report.heads = by_chain(heads)
    erasures = Erasures({receipt.id: receipt.chains for receipt in receipts})
    seen: set[str] = set()
    for chain, of_chain in groupby(rows, attrgetter("chain")):
        seen.add(chain)
        _Walk(chain, signed.get(chain, Ends()), erasures, report).all(of_chain)
        if chain not in signed:
            report.tell(Finding(Kind.UNSIGNED, chain, 1, 1))
    for chain, said in signed.items():
        report.lost += said.lost
        report.open_chains += not said.closed
        if chain not in seen and said.last:
            report.tell(Finding(Kind.CUT, chain, 1, said.last))
    report.chains = len(seen | set(signed))
    for finding in erasures.wrong():
        report.tell(finding)
    return report


class _Walk:
    """One chain, row by row."""

    def __init__(self, chain: str, signed: Ends, erasures: Erasures, report: Report) -> None:
        self._chain, self._signed, self._erasures, self._report = chain, signed, erasures, report
        self._position, self._link = beginning(chain)
        self._ahead = iter(signed)
        self._next = next(self._ahead, _NO_HEAD)
        self._near: deque[tuple[int, bytes]] = deque([(0, self._link)], maxlen=NEAR)
        self._loose: list[_Loose] = []
        self._breaks: list[bytes] = []
        self._disturbed = False
        """Whether something before explains that heads no longer fit."""

    def all(self, rows: Iterable[Part]) -> None:
        """Go through all of them, then say what became of the end."""
        # Ten million rows come through here: what does not change is looked up once.
        many, position, link, near = 0, self._position, self._link, self._near.append
        signed = self._held_against_heads(position, link)
        for row in rows:
            if isinstance(row, Run):
                position, link, signed = self._run(row, position, signed)
                many += row.rows
                continue
            many += 1
            before, after = link, position
            _, position, row_hash, link, said, _, _ = row
            if said is None:
                self._without_contents(row)
            elif said != row_hash:
                self._found(Kind.CHANGED, position)
            if position != after + 1 or sha256(before + row_hash).digest() != link:
                self._position, self._link = after, before
                self._does_not_follow(row)
            if position >= signed:
                signed = self._held_against_heads(position, link)
            near((position, link))
        self._position, self._link = position, link
        self._report.rows += many
        self._at_the_end()

    def _run(self, run: Run, position: int, signed: int) -> tuple[int, bytes, int]:
        """Go to the end of rows that follow one another: where that is, and at which place the next head."""
        last = position + run.rows
        while signed <= last:
            signed = self._held_against_heads(signed, run.link(signed - position))
        numbers = range(max(1, run.rows - NEAR + 1), run.rows + 1)
        self._near.extend((position + number, run.link(number)) for number in numbers)
        return last, run.link(run.rows), signed

    def _held_against_heads(self, position: int, link: bytes) -> int:
        """Hold a row against what was signed at its place, and say at which place the next head is."""
        while self._next[0] <= position:
            at, signed = self._next
            if at == position and signed != link and not self._disturbed:
                self._found(Kind.UNLIKE_HEAD, position)
            self._next = next(self._ahead, _NO_HEAD)
        return self._next[0]

    def _found(self, kind: Kind, first: int, last: int | None = None) -> None:
        self._report.tell(Finding(kind, self._chain, first, first if last is None else last))

    def _without_contents(self, row: Hashed) -> None:
        if row.withheld:
            self._report.withheld += 1
        elif row.receipt is None:
            self._found(Kind.ERASED_WITHOUT_RECEIPT, row.position)
        else:
            self._report.erased += 1
            self._erasures.saw(row)

    def _does_not_follow(self, row: Hashed) -> None:
        """Say why: rows are missing before it, or some were put there, or it is not the one that was here."""
        self._disturbed = True
        if row.position > self._position + 1:
            self._found(Kind.REMOVED, self._position + 1, row.position - 1)
            if len(self._breaks) < MOST_LOOSE:
                self._breaks.append(self._link)
            return
        if len(self._loose) >= MOST_LOOSE:
            self._found(Kind.CHANGED, row.position)
            return
        self._breaks.append(self._link)
        self._loose.append(_Loose(self._link, row, self._skipped(row)))

    def _skipped(self, row: Hashed) -> int | None:
        """Find the row that this one does follow, if it is near: what is in between was put there."""
        for position, link in reversed(self._near):
            if _follows(row, link):
                return position
        return None

    def _at_the_end(self) -> None:
        report, signed = self._report, self._signed
        if signed.last > self._position:
            self._found(Kind.CUT, self._position + 1, signed.last)
        elif signed.closed and self._position > signed.last:
            self._found(Kind.ADDED, signed.last + 1, self._position)
        else:
            report.unsigned_rows += self._position - signed.last
        elsewhere = {loose.row.link for loose in self._loose} | set(self._breaks)
        moved = {
            loose.row.position
            for loose in self._loose
            if any(_follows(loose.row, link) for link in elsewhere - {loose.before, loose.row.link})
        }
        for loose in self._loose:
            position, after = loose.row.position, loose.skipped
            if after is not None and not moved & set(range(after + 1, position)):
                self._found(Kind.ADDED, after + 1, position - 1)
            else:
                self._found(Kind.MOVED if position in moved else Kind.CHANGED, position)


def _follows(row: Hashed, link: bytes) -> bool:
    return link_of(link, row.row_hash) == row.link
