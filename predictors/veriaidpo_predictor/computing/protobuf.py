"""Protocol buffers as they lie in a file: fields and where each is, with nothing of them copied or kept."""

from collections.abc import Iterator
from typing import TypeAlias

Place: TypeAlias = tuple[int, int]
"""Where something begins and ends."""

_FIXED = {1: 8, 5: 4}
_VARINT_BITS = 70


class MalformedError(Exception):
    """Bytes that are no such message."""


class Message:
    """A part of some bytes that is read as a message, from `begin` up to but without `end`."""

    def __init__(self, data: memoryview, place: Place | None = None) -> None:
        self._data = data
        self._begin, self._end = place or (0, len(data))

    def __len__(self) -> int:
        return self._end - self._begin

    def fields(self) -> Iterator[tuple[int, "int | Message"]]:
        """Give each field's number with its value, or with the part that it is; raises MalformedError."""
        at = self._begin
        while at < self._end:
            key, at = self._varint(at)
            number, kind = key >> 3, key & 7
            if kind == 0:
                value, at = self._varint(at)
                yield number, value
                continue
            if kind == 2:
                length, at = self._varint(at)
            elif kind in _FIXED:
                length = _FIXED[kind]
            else:
                raise MalformedError
            if length > self._end - at:
                raise MalformedError
            yield number, Message(self._data, (at, at + length))
            at += length

    def numbers(self) -> Iterator[int]:
        """Read a packed list of whole numbers; raises MalformedError."""
        at = self._begin
        while at < self._end:
            value, at = self._varint(at)
            yield value

    def text(self, most: int = 4_096) -> str:
        """Read it as text; raises MalformedError where it is longer than any name is."""
        if len(self) > most:
            raise MalformedError
        return bytes(self._data[self._begin : self._end]).decode(errors="replace")

    def whole(self) -> bytes:
        """Copy its bytes."""
        return bytes(self._data[self._begin : self._end])

    def _varint(self, at: int) -> tuple[int, int]:
        value = shift = 0
        while at < self._end and shift < _VARINT_BITS:
            byte = self._data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
            shift += 7
        raise MalformedError
