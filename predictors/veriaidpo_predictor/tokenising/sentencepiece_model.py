"""Reads a sentencepiece `.model` file: its pieces, their scores and the map of its normaliser.

The file is one protocol buffer message; four of its fields are needed, which does not call for a library
that the fetch image would have to carry. Field numbers are those of sentencepiece_model.proto (ModelProto).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

UNIGRAM = 1
_PIECES, _TRAINER, _NORMALISER = 1, 2, 3
_PIECE_TEXT, _PIECE_SCORE = 1, 2
_MODEL_TYPE = 3
_CHARSMAP = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece and its log probability."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Model:
    """The pieces in the order of the file; `charsmap` is empty where the text is not normalised."""

    pieces: list[Piece]
    kind: int
    charsmap: bytes


def parse(raw: bytes) -> Model:
    """Read a whole file; raises ValueError when the bytes are not such a message."""
    pieces: list[Piece] = []
    kind, charsmap = UNIGRAM, b""
    for number, value in _fields(raw):
        if not isinstance(value, bytes):
            continue
        if number == _PIECES:
            pieces.append(_piece(value))
        elif number == _TRAINER:
            kind = next((v for n, v in _fields(value) if n == _MODEL_TYPE and isinstance(v, int)), UNIGRAM)
        elif number == _NORMALISER:
            charsmap = next((v for n, v in _fields(value) if n == _CHARSMAP and isinstance(v, bytes)), b"")
    if len(pieces) <= 3:
        raise ValueError("the sentencepiece model has no pieces")
    return Model(pieces=pieces, kind=kind, charsmap=charsmap)


def _piece(raw: bytes) -> Piece:
    text, score = "", 0.0
    for number, value in _fields(raw):
        if number == _PIECE_TEXT and isinstance(value, bytes):
            text = value.decode()
        elif number == _PIECE_SCORE and isinstance(value, float):
            score = value
    return Piece(text, score)


def _fields(raw: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Yield number and value of every field; floats are the 32-bit ones, bytes the length-delimited ones."""
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(raw, at)
            yield number, value
        elif wire == 2:
            length, at = _varint(raw, at)
            if at + length > len(raw):
                raise ValueError("a field ends after the file")
            yield number, raw[at : at + length]
            at += length
        elif wire in {1, 5}:
            width, code = (8, "<d") if wire == 1 else (4, "<f")
            if at + width > len(raw):
                raise ValueError("a field ends after the file")
            yield number, float(struct.unpack_from(code, raw, at)[0])
            at += width
        else:
            raise ValueError("not a protocol buffer message")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(raw) and shift < 64:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number ends after the file")
