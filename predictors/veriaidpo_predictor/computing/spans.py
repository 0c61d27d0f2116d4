"""From the tags of a model's tokens to spans of the text as it was sent. Pure: no engine, no tokenizer.

A tokenizer's pieces are not what people call words, so spans begin and end where words do: each word has the
tag of the token in which it begins, which is the token that such models are trained on.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from veriaidpo_predictor.computing.network import Logits

Place = tuple[int, int]
"""Code points of a text, from the first up to but without the second."""

_ZWJ = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text, in code points; `score` is the mean probability of its words' tags."""

    start: int
    end: int
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Word:
    """A run of letters and digits, or one sign, each with the marks that belong to it."""

    start: int
    end: int
    lettered: bool


class _Kind(Enum):
    SPACE = 0
    LETTER = 1
    SIGN = 2
    MARK = 3  # written onto what stands before it: an accent, a variation selector, a skin tone
    UNSEEN = 4  # a joiner, a soft hyphen, a direction: inside a word, never at its ends


def words(text: str) -> Iterator[Word]:
    """Split a text into its words; none of them holds white space, and no two overlap."""
    start, end, current = 0, 0, _Kind.SPACE
    for at, char in enumerate(text):
        kind = _kind(char)
        if current is not _Kind.SPACE:
            if kind is _Kind.UNSEEN:
                continue
            joined = kind is _Kind.MARK or (text[at - 1] == _ZWJ and kind is not _Kind.SPACE)
            if joined or (kind is _Kind.LETTER and current is _Kind.LETTER):
                end = at + 1
                continue
            yield Word(start, end, current is _Kind.LETTER)
        start, end, current = at, at + 1, _Kind.SPACE if kind is _Kind.UNSEEN else kind
    if current is not _Kind.SPACE:
        yield Word(start, end, current is _Kind.LETTER)


def _kind(char: str) -> _Kind:
    if char.isalnum() or char == "_":
        return _Kind.LETTER
    if char.isspace():
        return _Kind.SPACE
    category = unicodedata.category(char)
    if category == "Cf":
        return _Kind.UNSEEN
    is_mark = category in {"Mn", "Mc", "Me"} or ord(char) in _SKIN_TONES
    return _Kind.MARK if is_mark else _Kind.SIGN


def find(text: str, places: Sequence[Place], probabilities: Logits, tags: Sequence[str]) -> list[Span]:
    """Give the spans that a model sees, in their order; they do not overlap.

    `places` has the place in `text` of each token, empty for those that stand for none of it, and
    `probabilities` the shape [tokens, tags]. `tags` are `O`, `B-<label>` and `I-<label>`. An inside without a
    beginning begins a span, and so does an inside of another label than the span before it.
    """
    chosen = probabilities.argmax(axis=1)
    found: list[Span] = []
    scores: list[float] = []
    label = ""
    for word, token, begins_here in heads(text, places):
        position, _, kind = tags[chosen[token]].partition("-")
        if not kind:
            label = ""
            continue
        score = float(probabilities[token, chosen[token]])
        if kind == label and (position == "I" or not begins_here):
            scores.append(score)
            found[-1] = Span(found[-1].start, word.end, kind, float(np.mean(scores)))
        else:
            label, scores = kind, [score]
            found.append(Span(word.start, word.end, kind, score))
    return found


def speaking(text: str, places: Sequence[Place]) -> list[int]:
    """Give for each word of a text, in order, the number of the token whose tag it has."""
    return [token for _, token, _ in heads(text, places)]


def heads(text: str, places: Sequence[Place]) -> Iterator[tuple[Word, int, bool]]:
    """Give each word with its token, and whether the token begins in it.

    A word without a token (what the tokenizer drops, what truncation cut off) is left out: it neither ends a
    span nor belongs to one, unless its neighbours do. So is a sign that shares the token of the word before
    it, as the comma of `VN,` may: there the token speaks for the word.
    """
    tokens = _visible(text, places)
    token, begin, end = next(tokens, (0, 0, 0))
    for word in words(text):
        while end <= word.start and end:
            token, begin, end = next(tokens, (0, 0, 0))
        if not end:
            return
        begins_here = begin >= word.start
        if begin < word.end and (begins_here or word.lettered):
            yield word, token, begins_here


def _visible(text: str, places: Sequence[Place]) -> Iterator[tuple[int, int, int]]:
    """Give number, begin and end of the tokens that are more than white space, without that before them."""
    for token, (begin, end) in enumerate(places):
        while begin < end and text[begin].isspace():
            begin += 1  # noqa: PLW2901  a plain scan
        if begin < end:
            yield token, begin, end
