"""Companies nobody registered, recognised by the legal form their name begins or ends with. Pure.

A name after a form goes on as long as its words are written with capitals, or say what the company does or
where it is ("Thương mại và Dịch vụ", "Việt Nam"). Every loop is bounded by MOST_UNITS.
"""

import re
import tomllib
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from veriaidpo_gateway.normalisation.companies import Found, Phrases
from veriaidpo_gateway.normalisation.folding import Folded, fold

MOST_UNITS = 12
"""Words or fixed phrases of one name."""

_WORD = re.compile(r"[^\W_]+(?:[.'+][^\W_]+)*")
_AND = "và"
_QUOTES = ('"', "“", "”", "«", "»")
_KINDS = ("strong", "weak", "fields", "places", "stops", "suffixes", "never")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the folded text and how it was written."""

    start: int
    end: int
    written: str

    @property
    def capital(self) -> bool:
        """Whether it can be a part of a proper name."""
        return self.written[0].isupper() or self.written[0].isdigit()

    @property
    def number(self) -> bool:
        """Whether it holds nothing but digits: of a name, but none alone ("công ty 3 năm tuổi")."""
        return self.written.isdigit()


class LegalForms:
    """The phrases of data/legal_forms.toml, ready to be looked for."""

    def __init__(self, forms: Mapping[str, Sequence[str]]) -> None:
        phrases: dict[str, set[str]] = {}
        for kind in _KINDS:
            for phrase in forms[kind]:
                phrases.setdefault(fold(phrase).text, set()).add(kind)
        self._kinds = list(phrases.values())
        self._phrases = Phrases(list(phrases))
        self._ends = frozenset(forms["ends"])

    def find(self, text: str, folded: Folded, known: Sequence[Found]) -> tuple[list[Found], list[Found]]:
        """Return the names found, and the stretches that are certainly no company."""
        by_kind: dict[str, dict[int, int]] = {kind: {} for kind in _KINDS}
        for found in self._phrases.find(folded.text):
            for kind in self._kinds[found.phrase]:
                by_kind[kind][found.start] = max(found.end, by_kind[kind].get(found.start, 0))
        never = [Found(start, end, 0) for start, end in by_kind["never"].items()]
        if not (by_kind["strong"] or by_kind["weak"] or by_kind["suffixes"]):
            return [], never
        reader = _Reader(text, folded, by_kind, self._ends, {name.start for name in known})
        return list(reader.names()), never


@cache
def load_legal_forms() -> LegalForms:
    """Read the phrases this package ships."""
    file = resources.files(__package__) / "data" / "legal_forms.toml"
    return LegalForms(tomllib.loads(file.read_text(encoding="utf-8")))


class _Reader:
    """Reads names in one text."""

    def __init__(
        self,
        text: str,
        folded: Folded,
        phrases: Mapping[str, Mapping[int, int]],
        ends: frozenset[str],
        known: set[int],
    ) -> None:
        self._folded, self._phrases, self._ends, self._known = folded.text, phrases, ends, known
        self._text, self._offsets = text, folded.offsets
        self._words = [
            Word(match.start(), match.end(), _cut(text, folded, match))
            for match in _WORD.finditer(folded.text)
        ]
        self._starts = [word.start for word in self._words]
        self._shouted = not any(character.islower() for character in text)

    def names(self) -> Iterator[Found]:
        strong, weak = self._phrases["strong"], self._phrases["weak"]
        for start, form_end in strong.items():
            if self._shouted and start in self._known:
                continue  # where it ends is known, and capitals would not tell
            end, capitals, _ = self._forward(form_end)
            if capitals:
                yield Found(start, end, 0)
        for start, form_end in weak.items():
            first = bisect_left(self._starts, form_end)
            if start in strong or (first < len(self._starts) and self._starts[first] in self._known):
                continue
            end, _, proper = self._forward(form_end)
            if proper:
                yield Found(start, end, 0)
        for start, end in self._phrases["suffixes"].items():
            name = self._backward(start)
            if name < start:
                yield Found(name, end, 0)

    def _forward(self, position: int) -> tuple[int, int, int]:
        """Return where the name ends, how many of its units have capitals and how many are proper."""
        capitals = proper = 0
        end, first = position, True
        for _ in range(MOST_UNITS):
            index = bisect_left(self._starts, end)
            unit = self._unit(index, end, first=first, named=bool(proper))
            if unit is None:
                break
            end, is_capital, is_proper = unit
            capitals, proper, first = capitals + is_capital, proper + is_proper, False
        quoted = end > position and self._folded[position:end].strip(" ").startswith(_QUOTES)
        if quoted and self._folded.startswith(_QUOTES, end):
            end += 1
        return end, capitals, proper

    def _unit(self, index: int, end: int, *, first: bool, named: bool) -> tuple[int, bool, bool] | None:
        """Return where the next unit ends, whether it has a capital and whether it is proper."""
        joined = not first and self._says_and(index, end)
        if joined:
            end, index = self._words[index].end, index + 1
        if index >= len(self._words):
            return None
        word = self._words[index]
        phrase = self._phrases["fields"].get(word.start) or self._phrases["places"].get(word.start)
        listed = phrase is not None and word.capital and not (named or joined)
        stopped = word.start in self._phrases["stops"] or (named and self._on_a_new_line(word))
        if stopped or not _joins(self._folded[end : word.start], first=first, listed=listed):
            return None
        if phrase is not None and (word.capital or not (named or joined)):
            return phrase, word.capital, False
        if joined or not self._is_proper(word):
            return None
        return word.end, True, not word.number

    def _says_and(self, index: int, end: int) -> bool:
        """Tell whether the next word is "và", which joins what a name says the company does."""
        if index >= len(self._words) or self._words[index].written.lower() != _AND:
            return False
        return self._folded[end : self._words[index].start] == " "

    def _on_a_new_line(self, word: Word) -> bool:
        before = self._offsets[word.start - 1] if word.start else 0
        return "\n" in self._text[before : self._offsets[word.start]]

    def _is_proper(self, word: Word) -> bool:
        if not word.capital or word.written.lower() == _AND:
            return False
        if self._shouted and word.written.lower() in self._ends:
            return False
        return word.start not in self._phrases["strong"] and word.start not in self._phrases["weak"]

    def _backward(self, position: int) -> int:
        """Where the name that ends before a suffix begins; `position` itself when there is none."""
        index = bisect_left(self._starts, position) - 1
        start = position
        for _ in range(MOST_UNITS):
            if index < 0:
                break
            word = self._words[index]
            gap = self._folded[word.end : start].strip()
            if gap not in ("", "&", "-", ",") or (gap == "," and start != position):
                break
            if not self._is_proper(word) or word.written.lower() in self._ends:
                break
            start, index = word.start, index - 1
        return start


def _joins(gap: str, *, first: bool, listed: bool) -> bool:
    """Tell whether a name goes on over what stands between two of its words.

    After the form come blanks or a quote; later signs of a name too, and a comma in a list of what is done.
    """
    if first:
        return gap.strip(" " + "".join(_QUOTES)) == ""
    return gap != "" and gap.strip(" ") in (("", "&", "-", ",") if listed else ("", "&", "-"))


def _cut(text: str, folded: Folded, match: re.Match[str]) -> str:
    start, end = folded.span(match.start(), match.end(), text)
    return unicodedata.normalize("NFC", text[start:end])
