"""A text in the form that tokenizers know, composed letters (NFC), and the way back to the text as it was."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# A Korean vowel or final consonant is not a combining mark, and composes with what is before it all the same.
_JAMO = range(0x1160, 0x1200)


@dataclass(frozen=True, slots=True)
class Composed:
    """`text` is what a tokenizer reads; its code point number i stands for places[i] of the original."""

    text: str
    places: Sequence[tuple[int, int]] | None = None

    def back(self, start: int, end: int) -> tuple[int, int]:
        """Give the place in the original; what is empty stays so."""
        if self.places is None or start >= end:
            return start, end
        return self.places[start][0], self.places[end - 1][1]


def compose(text: str) -> Composed:
    """Compose a text, letter by letter; a text that cannot be taken apart like that is left as it is."""
    if unicodedata.is_normalized("NFC", text):
        return Composed(text)
    starts = [at for at, char in enumerate(text) if at == 0 or not _follows(char)]
    letters: list[str] = []
    places: list[tuple[int, int]] = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        letter = unicodedata.normalize("NFC", text[start:end])
        letters.append(letter)
        places += [(start, end)] * len(letter)
    whole = "".join(letters)
    if whole != unicodedata.normalize("NFC", text):  # some scripts compose across letters
        return Composed(text)
    return Composed(whole, places)


def _follows(char: str) -> bool:
    return unicodedata.combining(char) != 0 or ord(char) in _JAMO
