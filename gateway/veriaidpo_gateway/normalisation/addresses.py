"""Addresses, by rules: house numbers, streets, wards, districts and provinces in a row. Pure and linear.

An address has at most MOST_PARTS parts and a part at most MOST_WORDS words, so no text can make it slow.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from importlib import resources

from veriaidpo_gateway.normalisation.spans import Span
from veriaidpo_gateway.normalisation.words import Word, Words

MOST_PARTS = 12
MOST_WORDS = 5
"""Words of one part's name."""

_MOST_SHOUTED = 2
_LONGEST_KEYWORD = 3
_MOST_NUMBERS = 5
_AFTER_KEYWORD = frozenset({" ", ".", ". ", ": "})
_BETWEEN = frozenset({" ", ",", ", ", " , ", " - ", " – ", "- ", "; ", ". "})
_JOINED = frozenset({"-", " - "})


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
        self._words, self._rules, self._plain = words.all, rules, words.plain
        self._most = _MOST_SHOUTED if words.shouted else MOST_WORDS

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
        keyword = self._keyword(index)
        if keyword is not None:
            return self._named(*keyword)
        if (short := self._short(index)) > index:
            return Part(short, Kind.UNIT)
        if self._is_number(index):
            return self._house(self._number(index))
        if first:
            return None
        name = self._province(index)
        if name > index:
            return Part(name, Kind.PROVINCE)
        return self._bare(index)

    def _house(self, end: int) -> Part | None:
        """Judge a number that ends there by what follows: a street's name or a word that announces one."""
        name = self._name(end) if end < len(self._words) and self._words[end].before == " " else end
        if name > end + 1:
            return Part(name, Kind.HOUSE)
        keyword = self._keyword(end) if end < len(self._words) else None
        return Part(end, Kind.INNER) if keyword is not None and keyword[0] in self._rules["streets"] else None

    def _named(self, keyword: str, start: int) -> Part | None:
        """Read the part that begins with that keyword; its name or number begins at `start`."""
        rules = self._rules
        if keyword in rules["units"] and self._words[start].small == "số" and self._is_number(start + 1):
            start += 1
        if self._is_number(start):
            return None if keyword in rules["named_units"] else self._numbered(keyword, start)
        end = self._name(start)
        if end > start and self._is_unit(keyword):
            return Part(end, Kind.UNIT)
        return Part(end, Kind.INNER) if end > start and keyword in rules["named_inner"] else None

    def _numbered(self, keyword: str, start: int) -> Part | None:
        end = self._number(start)
        if end < len(self._words) and self._words[end].small in self._rules["not_before"]:
            return None
        if self._is_unit(keyword):
            return Part(end, Kind.UNIT)
        name = self._name(end)
        if name > end + 1:
            return Part(name, Kind.UNIT if keyword in self._rules["houses"] else Kind.HOUSE)
        return Part(end, Kind.INNER)

    def _is_unit(self, keyword: str) -> bool:
        rules = self._rules
        unit = keyword in rules["units"] or keyword in rules["named_units"] or keyword in rules["plain"]
        return unit and keyword not in rules["houses"]

    def _keyword(self, index: int) -> tuple[str, int] | None:
        """Find the longest keyword that begins here, and where what it names begins."""
        for length in range(_LONGEST_KEYWORD, 0, -1):
            start = index + length
            if start >= len(self._words) or self._words[start].before not in _AFTER_KEYWORD:
                continue
            found = self._joined(index, length)
            if not self._is_keyword(found, index) or (found != "tp" and "." in self._words[start].before):
                continue
            if self._joined(start - 1, 2) in self._rules["never"]:
                return None
            before = self._joined(index - 2, 2) if index > 1 else ""
            return None if before in self._rules["not_after"] else (found, start)
        return None

    def _is_keyword(self, found: str, index: int) -> bool:
        if self._plain and found in self._rules["plain"]:
            return self._words[index].written.islower()
        return any(found in self._rules[kind] for kind in ("units", "named_units", "inner", "named_inner"))

    def _short(self, index: int) -> int:
        word = self._words[index]
        letter, number = word.small[:1], word.small[1:]
        if letter not in self._rules["short"] or not word.capital:
            return index
        if number:
            return index + 1 if number.isdecimal() and len(number) <= 2 else index
        following = self._words[index + 1] if index + 1 < len(self._words) else None
        if following is None or following.before not in (".", ". ") or not following.written.isdecimal():
            return index
        return index + 2 if len(following.written) <= 2 else index

    def _is_number(self, index: int) -> bool:
        if index >= len(self._words):
            return False
        written = self._words[index].written
        return len(written) <= 5 and any(letter.isdecimal() for letter in written)

    def _number(self, index: int) -> int:
        """Return where the number that begins here ends: 12A, 12/3/4, 12-14, 3 tháng 2."""
        end = index + 1
        while end < len(self._words) and end - index < _MOST_NUMBERS:
            if self._words[end].before not in ("/", "-") or len(self._words[end].written) > 5:
                break
            end += 1
        if end + 1 < len(self._words) and self._words[end].small in ("tháng", "thang"):
            return end + 2 if self._is_number(end + 1) else end
        return end

    def _name(self, index: int) -> int:
        """Return where the name that begins here ends; `index` itself if none does."""
        end = index
        while end < len(self._words) and end - index < self._most:
            word = self._words[end]
            if end > index and not self._continues(end):
                break
            if self._is_number(end) and end > index and self._words[end - 1].small == "tháng":
                return end + 1
            if not self._is_proper(word) or (end > index and self._begins_part(end)):
                break
            end += 1
        return end

    def _continues(self, index: int) -> bool:
        gap = self._words[index].before
        return gap == " " or (gap in _JOINED and not self._begins_part(index))

    def _begins_part(self, index: int) -> bool:
        return self._keyword(index) is not None or self._short(index) > index

    def _is_proper(self, word: Word) -> bool:
        return word.capital and word.written.isalpha() and word.small not in self._rules["ordinary"]

    def _province(self, index: int) -> int:
        names = self._rules["provinces"] | self._rules["countries"]
        for length in (4, 3, 2, 1):
            end = index + length
            if (
                end <= len(self._words)
                and self._words[index].capital
                and self._joined(index, length) in names
            ):
                return end
        return index

    def _bare(self, index: int) -> Part | None:
        """Read a name without any word before it: a part only between commas, and if another follows."""
        end = self._name(index)
        if end == index or "," not in self._words[index].before or end >= len(self._words):
            return None
        if "," not in self._words[end].before:
            return None
        return Part(end, Kind.INNER) if self._begins_part(end) or self._province(end) > end else None

    def _joined(self, start: int, count: int) -> str:
        """Join words that stand next to each other; empty when they do not."""
        words = self._words[start : start + count]
        if any(word.before not in (" ", " - ", "-") for word in words[1:]):
            return ""
        return " ".join(word.small for word in words)


def load_addresses() -> Addresses:
    """Read the words this package ships."""
    file = resources.files(__package__) / "data" / "addresses.toml"
    return Addresses(tomllib.loads(file.read_text(encoding="utf-8")))
