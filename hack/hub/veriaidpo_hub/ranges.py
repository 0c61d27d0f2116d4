"""The Range header (RFC 9110, section 14), as far as a resumed download needs it: one range of bytes."""

import re
from dataclasses import dataclass

_SINGLE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` up to but not including `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.end - self.start


class UnsatisfiableError(Exception):
    """The range asks for nothing that the file has: 416."""


def parse(header: str | None, size: int) -> Span | None:
    """Find the span of a file of `size` bytes that is asked for.

    None when the whole file is the answer: no header, or one that RFC 9110 lets a server ignore (several
    ranges, another unit, a malformed one). Raises UnsatisfiableError.
    """
    match = _SINGLE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        span = Span(max(size - int(last), 0), size)
    elif last and int(last) < int(first):
        return None
    else:
        span = Span(int(first), min(int(last) + 1, size) if last else size)
    if span.length <= 0:
        raise UnsatisfiableError
    return span
