"""Whether a graph that somebody published may be opened at all: looked at as bytes, before an engine is.

What an engine would do with such a graph is its own affair, and changes with its version. Only the shape of
the file is looked at, a part at a time: a graph of gigabytes takes no memory here.
"""

import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from veriaidpo_predictor.computing.protobuf import MalformedError, Message
from veriaidpo_predictor.files import GRAPH_FILES

DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Operators of ONNX itself, and those that ONNX Runtime brings along."""

_DATA_FILES: Final = frozenset(Path(path).name for path in GRAPH_FILES[1:])
_MOST_PARTS: Final = 1_000_000
_MOST_DEPTH: Final = 8
_MOST_DIMS: Final = 16
_TWO_IN_A_BYTE: Final = frozenset({21, 22, 23})
_STRINGS: Final = 8
_BYTES: Final = {
    1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16, 16: 2,
    17: 1, 18: 1, 19: 1, 20: 1,
}  # fmt: skip
"""Bytes of a number by its kind, as onnx.proto counts the kinds."""


class HostileGraphError(Exception):
    """A graph that is not opened; the message is a sentence without its full stop, on what the graph does."""


def check(graph: Path) -> None:
    """Raise HostileGraphError unless a graph is known operators, and constants that lie where they may."""
    if graph.stat().st_size == 0:
        raise HostileGraphError("it is empty")
    with (
        graph.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as data,
    ):
        try:
            _Look(graph).model(Message(data))
        except MalformedError:
            raise HostileGraphError("it is not an ONNX graph, or not a whole one") from None


class _Look:
    """One look at a model; counts what it meets."""

    def __init__(self, graph: Path) -> None:
        self._folder = graph.parent
        self._data_files = _DATA_FILES | {f"{graph.name}_data", f"{graph.name}.data"}
        self._parts = 0
        self._has_graph = False

    def model(self, message: Message) -> None:
        for number, value in self._messages(message):
            if number == 7:
                self._has_graph = True
                self._graph(value, 1)
            elif number == 25:  # they call each other: a few lines may stand for any number of operators
                raise HostileGraphError("it has functions of its own")
            elif number == 20:
                raise HostileGraphError("it has a part for training")
        if not self._has_graph:
            raise MalformedError

    def _graph(self, message: Message, depth: int) -> None:
        if depth > _MOST_DEPTH:
            raise HostileGraphError(f"its loops and branches lie more than {_MOST_DEPTH} deep in each other")
        for number, value in self._messages(message):
            if number == 1:
                self._node(value, depth)
            elif number == 5:
                self._constant(value)
            elif number == 15:
                raise HostileGraphError("it has sparse constants")

    def _node(self, message: Message, depth: int) -> None:
        for number, value in self._messages(message):
            if number == 7 and (domain := value.text()) not in DOMAINS:
                raise HostileGraphError(f"it has an operator of the domain {domain[:80]!a}")
            if number == 5:
                self._attribute(value, depth)

    def _attribute(self, message: Message, depth: int) -> None:
        for number, value in self._messages(message):
            if number in {5, 10}:
                self._constant(value)
            elif number in {6, 11}:
                self._graph(value, depth + 1)
            elif number in {22, 23}:
                raise HostileGraphError("it has sparse constants")

    def _constant(self, message: Message) -> None:
        """Hold what a constant says of its size against the bytes that there are of it."""
        dims: list[int] = []
        kind, typed, raw, name = 0, 0, -1, ""
        outside: dict[str, str] = {}
        for number, value in self._fields(message):
            if isinstance(value, int):
                dims += [value] if number == 1 else []
                kind = value if number == 2 else kind
                typed += 1
            elif number == 1:
                dims += self._counted(value)
            elif number == 8:
                name = value.text()[:80]
            elif number == 9:
                raw = len(value)
            elif number == 13:
                key, told = self._entry(value)
                outside[key] = told
            else:
                typed += max(
                    1, len(value)
                )  # a number takes a byte or more of a list, and a text may be empty
        size = self._size(name, kind, dims)
        if outside:
            self._outside(name, outside, size)
        elif raw != size if raw >= 0 else math.prod(dims) // (1 + (kind in _TWO_IN_A_BYTE)) > typed:
            raise HostileGraphError(f"the constant {name!a} says that it is larger or smaller than it is")

    def _size(self, name: str, kind: int, dims: list[int]) -> int:
        if kind not in _BYTES and kind not in _TWO_IN_A_BYTE and kind != _STRINGS:
            raise HostileGraphError(f"the constant {name!a} is of a kind that is not known")
        if len(dims) > _MOST_DIMS:
            raise HostileGraphError(f"the constant {name!a} has {len(dims)} dimensions")
        count = math.prod(dims)
        return (count + 1) // 2 if kind in _TWO_IN_A_BYTE else count * _BYTES.get(kind, 1)

    def _outside(self, name: str, said: dict[str, str], size: int) -> None:
        place = said.get("location", "")
        if place not in self._data_files:
            raise HostileGraphError(
                f"the constant {name!a} lies in {place[:80]!a}, which is no file of a graph's"
            )
        path = self._folder / place
        if path.is_symlink() or not path.is_file():
            raise HostileGraphError(f"the constant {name!a} lies in {place}, which the source does not have")
        numbers = [said.get("offset", "0"), said.get("length", str(size))]
        if not all(one.isascii() and one.isdecimal() and len(one) < 20 for one in numbers):
            raise HostileGraphError(f"the constant {name!a} does not say where in {place} it lies")
        offset, length = map(int, numbers)
        if length != size or offset + length > path.stat().st_size:
            raise HostileGraphError(f"the constant {name!a} is not where in {place} it says that it lies")

    def _entry(self, message: Message) -> tuple[str, str]:
        key = told = ""
        for number, value in self._messages(message):
            key = value.text() if number == 1 else key
            told = value.text() if number == 2 else told
        return key, told

    def _counted(self, message: Message) -> Iterator[int]:
        for value in message.numbers():
            self._count()
            yield value

    def _messages(self, message: Message) -> Iterator[tuple[int, Message]]:
        for number, value in self._fields(message):
            if isinstance(value, Message):
                yield number, value

    def _fields(self, message: Message) -> Iterator[tuple[int, "int | Message"]]:
        for number, value in message.fields():
            self._count()
            yield number, value

    def _count(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise HostileGraphError("it has too many parts")
