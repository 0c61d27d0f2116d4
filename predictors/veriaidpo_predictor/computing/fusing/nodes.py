"""The nodes and constants of an ONNX graph, read and written as bytes: a predictor has no library for that.

Constants that lie beside the graph stay where they are; of the others only what is asked for is decoded.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from veriaidpo_predictor.computing.protobuf import Message

Attribute: TypeAlias = "int | float"

_NUMPY: Final[dict[int, np.dtype[Any]]] = {1: np.dtype("<f4"), 2: np.dtype("u1"), 7: np.dtype("<i8")}
"""Of the kinds of constants that anything is asked of here: float, uint8, int64."""
_KIND: Final[dict[type, int]] = {float: 1, int: 2}


@dataclass(frozen=True, eq=False)
class Node:
    """A node as it lies in the file; `whole` is all of it."""

    kind: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    whole: bytes
    _attributes: tuple[Message, ...] = ()

    @cached_property
    def attributes(self) -> Mapping[str, object]:
        """Its numbers, texts and lists of whole numbers; attributes of other kinds are left out."""
        return dict(_attribute(one) for one in self._attributes)


class Nodes:
    """The nodes of a model's graph; raises MalformedError where it is none."""

    def __init__(self, model: bytes) -> None:
        self._model = Message(memoryview(model))
        self.nodes: list[Node] = []
        self.outputs: set[str] = set()
        self._constants: dict[str, Message] = {}
        self._others: list[bytes] = []
        self._around: list[bytes] = []
        for number, value in self._model.fields():
            if number == 7 and isinstance(value, Message):
                self._read(value)
            else:
                self._around.append(_field(number, value))

    def constant(self, name: str) -> npt.NDArray[np.generic] | None:
        """Give a constant that lies in the graph itself, as it is written there; None if there is no such."""
        message = self._constants.get(name)
        if message is None:
            return None
        kind, raw = 0, b""
        for number, value in message.fields():
            if isinstance(value, int):
                kind = value if number == 2 else kind
            elif number == 9:
                raw = value.whole()
        return np.frombuffer(raw, _NUMPY[kind]).reshape(_dims(message)) if kind in _NUMPY and raw else None

    def shape(self, name: str) -> list[int] | None:
        """Give the shape of a value that is the same in every run, wherever it lies; None if it is not."""
        message = self._constants.get(name)
        return None if message is None else _dims(message)

    def with_nodes(self, nodes: Sequence[bytes], domain: str) -> bytes:
        """Give the model with other nodes, some of which are of a domain that it does not have yet."""
        graph = b"".join([*(_bytes(1, one) for one in nodes), *self._others])
        known = _bytes(8, _bytes(1, domain.encode()) + _number(2, 1))
        return b"".join([*self._around, _bytes(7, graph), known])

    def _read(self, graph: Message) -> None:
        for number, value in graph.fields():
            if number == 1 and isinstance(value, Message):
                self.nodes.append(_node(value))
                continue
            if number == 5 and isinstance(value, Message):
                self._constants[_text_at(8, value)] = value
            if number == 12 and isinstance(value, Message):
                self.outputs.add(_text_at(1, value))
            self._others.append(_field(number, value))


def node(
    kind: str, domain: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Attribute]
) -> bytes:
    """Write a node, named for its first output."""
    parts = [_bytes(1, one.encode()) for one in inputs] + [_bytes(2, one.encode()) for one in outputs]
    parts += [_bytes(3, outputs[0].encode()), _bytes(4, kind.encode())]
    for name, value in attributes.items():
        number = _number(3, value) if isinstance(value, int) else _key(2, 5) + struct.pack("<f", value)
        parts.append(_bytes(5, _bytes(1, name.encode()) + number + _number(20, _KIND[type(value)])))
    return b"".join([*parts, _bytes(7, domain.encode())])


def _node(message: Message) -> Node:
    texts: dict[int, list[str]] = {1: [], 2: [], 4: [], 7: []}
    attributes: list[Message] = []
    for number, value in message.fields():
        if isinstance(value, Message):
            if number in texts:
                texts[number].append(value.text())
            elif number == 5:
                attributes.append(value)
    return Node(
        "".join(texts[4]), "".join(texts[7]), tuple(texts[1]), tuple(texts[2]), message.whole(),
        tuple(attributes),
    )  # fmt: skip


def _dims(message: Message) -> list[int]:
    found: list[int] = []
    for number, value in message.fields():
        if number == 1:
            found += [value] if isinstance(value, int) else value.numbers()
    return found


def _attribute(message: Message) -> tuple[str, object]:
    name, many = "", list[int]()
    found: object = None
    for number, value in message.fields():
        if isinstance(value, int):
            found = _signed(value) if number == 3 else found
            many += [_signed(value)] if number == 8 else []
        elif number == 1:
            name = value.text()
        elif number == 2:
            found = struct.unpack("<f", value.whole())[0]
        elif number == 4:
            found = value.text()
        elif number == 8:
            many += map(_signed, value.numbers())
    return name, many or found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _text_at(wanted: int, message: Message) -> str:
    for number, value in message.fields():
        if number == wanted and isinstance(value, Message):
            return value.text()
    return ""


def _field(number: int, value: "int | Message") -> bytes:
    """Write a field again; those of a fixed number of bytes do not occur in a model or a graph."""
    return _number(number, value) if isinstance(value, int) else _bytes(number, value.whole())


def _bytes(number: int, value: bytes) -> bytes:
    return _key(number, 2) + _varint(len(value)) + value


def _number(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value)


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
