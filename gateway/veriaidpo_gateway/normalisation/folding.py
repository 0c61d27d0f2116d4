"""Text as names are compared: without case, marks, invisible characters and runs of blanks, with a way back.

Folding keeps an offset for every character it keeps, so that what is found in the folded text can be cut out
of the original, however that was composed (NFC or NFD).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_SPECIAL = {"đ": "d", "Đ": "d", "’": "'", "–": "-", "—": "-"}
_SLOW = re.compile(r"\s\s")


class _Table(dict[int, str]):
    """One folded character (or none) for each character, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        folded = _fold_one(chr(code))
        if code < 0x3000:  # what Vietnamese and English are written with; the rest may not fill the memory
            self[code] = folded
        return folded


def _fold_one(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf"):
        return ""
    if character.isspace():
        return " "
    base = "".join(c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) != "Mn")
    folded = base.lower()
    return folded if len(folded) == 1 else character


_table = _Table()


@dataclass(frozen=True, slots=True)
class Folded:
    """The folded text; `offsets[i]` is where character i of it stands in the original."""

    text: str
    offsets: Sequence[int]

    def span(self, start: int, end: int, original: str) -> tuple[int, int]:
        """Where folded[start:end] stands in the original, with the marks that belong to its last letter."""
        first, last = self.offsets[start], self.offsets[end - 1] + 1
        while last < len(original) and unicodedata.combining(original[last]):
            last += 1
        return first, last


def fold(text: str) -> Folded:
    """Fold a text in one pass: linear, whatever it holds."""
    folded = text.translate(_table)
    if len(folded) == len(text) and _SLOW.search(folded) is None:
        return Folded(folded, range(len(text)))
    kept: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        small = _table[ord(character)]
        if small and not (small == " " and kept and kept[-1] == " "):
            kept.append(small)
            offsets.append(offset)
    return Folded("".join(kept), offsets)
