"""The words of a text as rules for names read them: where they stand, and what is between them."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from veriaidpo_gateway.normalisation.folding import Folded, fold
from veriaidpo_gateway.normalisation.spans import Span

GAP = "\0"
"""Stands where words were left out; no text that may be normalised holds it."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A run of letters and digits. `start` and `end` are offsets into the original text."""

    start: int
    end: int
    written: str
    """In NFC."""

    small: str
    """In small letters."""

    before: str
    """What stands between this word and the one before it, blanks folded to one."""

    @property
    def capital(self) -> bool:
        """Whether it begins with a capital letter."""
        return self.written[0].isupper()

    @property
    def shouted(self) -> bool:
        """Whether it is in capitals throughout, and longer than an initial."""
        return len(self.written) > 1 and self.written.isupper()


@dataclass(frozen=True, slots=True)
class Words:
    """A text cut into words."""

    all: Sequence[Word]
    shouted: bool
    """The text holds no small letter: capitals say nothing about names."""

    plain: bool
    """The text holds no Vietnamese letter: its words may be Vietnamese without their marks."""

    def without(self, spans: Iterable[Span]) -> "Words":
        """Leave out what is something else already; nothing reads across the gap."""
        letters = {offset for span in spans for offset in range(span.start, span.end)}
        kept: list[Word] = []
        gap = False
        for word in self.all:
            if word.start in letters:
                gap = True
            else:
                kept.append(replace(word, before=GAP) if gap else word)
                gap = False
        return Words(kept, self.shouted, self.plain)


def cut(text: str, folded: Folded | None = None) -> Words:
    """Cut a text that passed `texts.check`; composed or not, the words are the same."""
    folded = folded or fold(text)
    words: list[Word] = []
    last = 0
    for match in _WORD.finditer(folded.text):
        start, end = folded.span(match.start(), match.end(), text)
        written = unicodedata.normalize("NFC", _visible(text[start:end]))
        words.append(Word(start, end, written, written.lower(), folded.text[last : match.start()]))
        last = match.end()
    return Words(words, not any(letter.islower() for letter in text), text.isascii())


def _visible(written: str) -> str:
    if written.isascii():
        return written
    return "".join(letter for letter in written if unicodedata.category(letter) != "Cf")
