"""Lines out of a body that arrives in pieces, in groups to be answered together. Bounded, whatever comes."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

LONGEST_LINE = 64 * 1024
"""Bytes, without the line's end."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank; `number` counts all lines from 1, `data` is None when it was too long."""

    number: int
    data: bytes | None


async def groups(pieces: AsyncIterator[bytes], most: int) -> AsyncIterator[list[Line]]:
    """Yield up to `most` lines at a time, and what there is before waiting for more."""
    cutter = _Cutter()
    async for piece in pieces:
        group = []
        for line in cutter.cut(piece):
            group.append(line)
            if len(group) == most:
                yield group
                group = []
        if group:
            yield group
    if last := list(cutter.rest()):
        yield last


class _Cutter:
    """Keeps the beginning of a line until its end arrives; of a line that is too long, nothing."""

    def __init__(self) -> None:
        self._begun, self._too_long, self._number = bytearray(), False, 1

    def cut(self, piece: bytes) -> Iterator[Line]:
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            self._add(piece[start:end])
            yield from self.rest()
            self._number += 1
            start = end + 1
        self._add(piece[start:])

    def rest(self) -> Iterator[Line]:
        """Give what has begun as a line."""
        data = None if self._too_long else bytes(self._begun)
        self._begun, self._too_long = bytearray(), False
        if data is None or data.strip():
            yield Line(self._number, data)

    def _add(self, part: bytes) -> None:
        if self._too_long or len(self._begun) + len(part) > LONGEST_LINE:
            self._too_long = True
            self._begun.clear()
        else:
            self._begun += part
