"""Addresses, by rules: house numbers, streets, wards, districts and provinces in a row. Pure and linear.

An address has at most MOST_PARTS parts and a part at most MOST_WORDS words, so no text can make it slow.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from importlib import resources

from veriaidpo_gateway.normalisation.address_words import AddressWords
from veriaidpo_gateway.normalisation.spans import Span
from veriaidpo_gateway.normalisation.words import Words

MOST_PARTS = 12

_BETWEEN = frozenset({" ", ",", ", ", " , ", " - ", " – ", "- ", "; ", ". "})


class Kind(Enum):
    """What a part is worth."""

    UNIT = auto()
    """An address by itself."""

    HOUSE = auto()
    """A number and a name: an address if another part follows."""

    INNER = auto()
    PROVINCE = auto()
    """One without any word that says so: only behind another part."""


@dataclass(frozen=True, slots=True)
class Part:
    """Words up to `end` (exclusive)."""

    end: int
    kind: Kind


class Addresses:
    """The words of data/addresses.toml, ready to be looked for."""

    def __init__(self, rules: Mapping[str, Sequence[str]]) -> None:
        self.rules = {name: frozenset(words) for name, words in rules.items()}

    def find(self, words: Words) -> Iterator[Span]:
        """Yield addresses in order, none of them overlapping another."""
        reader, index = _Reader(words, self.rules), 0
        while index < len(words.all):
            end = reader.address(index)
            if end > index:
                yield Span(words.all[index].start, words.all[end - 1].end)
            index = max(end, index + 1)


class _Reader:
    """Reads the addresses of one text."""

    def __init__(self, words: Words, rules: Mapping[str, frozenset[str]]) -> None:
        self._words, self._rules = words.all, rules
        self._at = AddressWords(words, rules)

    def address(self, index: int) -> int:
        """Return where the address that begins here ends; `index` itself if none does."""
        kinds: list[Kind] = []
        end = index
        while len(kinds) < MOST_PARTS and end < len(self._words):
            if kinds and self._words[end].before not in _BETWEEN:
                break
            part = self._part(end, first=not kinds)
            if part is None:
                break
            kinds.append(part.kind)
            end = part.end
        whole = Kind.UNIT in kinds or (Kind.HOUSE in kinds and len(kinds) > 1)
        return end if whole else index

    def _part(self, index: int, *, first: bool) -> Part | None:
        keyword = self._at.keyword(index)
        if keyword is not None:
            return self._named(*keyword)
        if (short := self._at.short(index)) > index:
            return Part(short, Kind.UNIT)
        if self._at.is_number(index):
            return self._house(self._at.number(index))
        if first:
            return None
        name = self._at.province(index)
        if name > index:
            return Part(name, Kind.PROVINCE)
        return self._bare(index)

    def _house(self, end: int) -> Part | None:
        """Judge a number that ends there by what follows: a street's name or a word that announces one."""
        name = self._at.name(end) if end < len(self._words) and self._words[end].before == " " else end
        if name > end + 1:
            return Part(name, Kind.HOUSE)
        keyword = self._at.keyword(end) if end < len(self._words) else None
        return Part(end, Kind.INNER) if keyword is not None and keyword[0] in self._rules["streets"] else None

    def _named(self, keyword: str, start: int) -> Part | None:
        """Read the part that begins with that keyword; its name or number begins at `start`."""
        rules = self._rules
        if keyword in rules["units"] and self._words[start].small == "số" and self._at.is_number(start + 1):
            start += 1
        if self._at.is_number(start):
            return None if keyword in rules["named_units"] else self._numbered(keyword, start)
        end = self._at.name(start)
        if end > start and self._is_unit(keyword):
            return Part(end, Kind.UNIT)
        return Part(end, Kind.INNER) if end > start and keyword in rules["named_inner"] else None

    def _numbered(self, keyword: str, start: int) -> Part | None:
        end = self._at.number(start)
        if end < len(self._words) and self._words[end].small in self._rules["not_before"]:
            return None
        if self._is_unit(keyword):
            return Part(end, Kind.UNIT)
        name = self._at.name(end)
        if name > end + 1:
            return Part(name, Kind.UNIT if keyword in self._rules["houses"] else Kind.HOUSE)
        return Part(end, Kind.INNER)

    def _is_unit(self, keyword: str) -> bool:
        rules = self._rules
        unit = keyword in rules["units"] or keyword in rules["named_units"] or keyword in rules["plain"]
        return unit and keyword not in rules["houses"]

    def _bare(self, index: int) -> Part | None:
        """Read a name without any word before it: a part only between commas, and if another follows."""
        end = self._at.name(index)
        if end == index or "," not in self._words[index].before or end >= len(self._words):
            return None
        if "," not in self._words[end].before:
            return None
        return Part(end, Kind.INNER) if self._at.begins_part(end) or self._at.province(end) > end else None


def load_addresses() -> Addresses:
    """Read the words this package ships."""
    file = resources.files(__package__) / "data" / "addresses.toml"
    return Addresses(tomllib.loads(file.read_text(encoding="utf-8")))
