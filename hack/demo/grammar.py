"""Sentences out of templates: reading, splitting, filling and varying them.

A template is held out or trained on as a whole: which one it is follows from a hash of its text, so that
adding a template never moves another one to the other side.
"""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

HELD_OUT_PERCENT = 15
COMPANY = "[COMPANY]"
_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")
_SPACE = re.compile(r"\s+")


def is_held_out(text: str) -> bool:
    """Tell whether a template, or a word that names are made of, is kept from training: by its hash alone."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < HELD_OUT_PERCENT


@dataclass(frozen=True, slots=True)
class Template:
    """One line of a template file; `label` is the id of its label."""

    label: str
    text: str

    @property
    def held_out(self) -> bool:
        """Whether no row of this template may be trained on."""
        return is_held_out(self.text)


@dataclass(frozen=True, slots=True)
class Row:
    """A sentence and its label's id."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Words:
    """What fills the slots of one language, and the phrases that fit any sentence."""

    slots: Mapping[str, Sequence[str]]
    openings: Sequence[str]
    closings: Sequence[str]
    asides: Sequence[str]
    synonyms: Mapping[str, Sequence[str]]
    synonym_pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Variation:
    """How often (0 to 1) a row is varied in each way."""

    opening: float = 0.3
    closing: float = 0.25
    aside: float = 0.15
    synonym: float = 0.25
    word_dropout: float = 0.25
    swap: float = 0.1
    crop: float = 0.1
    no_diacritics: float = 0.2
    lower: float = 0.25
    upper: float = 0.03
    no_stop: float = 0.4
    loud: float = 0.2
    typo: float = 0.1


TRAINING = Variation()
UNSEEN = Variation(word_dropout=0.0, crop=0.0, typo=0.0, upper=0.0)
PLAIN = Variation(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def read_templates(path: Path) -> list[Template]:
    """Read all templates of a file, in its order.

    Raises ValueError for a line that stands outside of a [label] or is there twice.
    """
    label = ""
    found: dict[str, Template] = {}
    for raw in path.read_text("utf-8").splitlines():
        line = unicodedata.normalize("NFC", raw.strip())
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[([a-z_]+)\]", line):
            label = heading[1]
        elif not label or line in found:
            raise ValueError(f"{path.name}: {line!r} has no label or is there twice")
        else:
            found[line] = Template(label, line)
    return list(found.values())


def read_words(shared: Path, own: Path | None = None) -> Words:
    """Read the slots of a language; every other list of the file has a slot's name.

    `own` is a model's file of the same form: its lists take the place of the shared ones of the same name,
    where a shared phrase would say something about that model's labels.
    """
    raw = yaml.safe_load(shared.read_text("utf-8"))
    if own and own.exists():
        raw |= yaml.safe_load(own.read_text("utf-8"))
    groups: list[list[str]] = raw.pop("synonyms")
    synonyms = {word: group for group in groups for word in group}
    longest_first = sorted(synonyms, key=len, reverse=True)
    pattern = re.compile(r"(?<!\w)(" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
    lists = {name: tuple(raw.pop(name)) for name in ("openings", "closings", "asides")}
    return Words(slots=raw, synonyms=synonyms, synonym_pattern=pattern, **lists)


def strip_diacritics(text: str) -> str:
    """Write the text as people do without a Vietnamese keyboard (đ becomes d)."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return bare.replace("đ", "d").replace("Đ", "D")


def fill(text: str, words: Words, rng: random.Random) -> str:
    """Make the choices of a template's text and fill its slots."""
    while _CHOICE.search(text):
        text = _CHOICE.sub(lambda m: rng.choice(m[1].split("|")), text)
    while _SLOT.search(text):
        text = _SLOT.sub(lambda m: rng.choice(words.slots[m[1]]), text)
    return _SPACE.sub(" ", text).strip()


def rows_of(
    templates: Sequence[Template], words: Words, variation: Variation, *, count: int, rng: random.Random
) -> Iterator[Row]:
    """Give `count` different rows for every template (fewer where it does not hold as many)."""
    for template in templates:
        seen: set[str] = set()
        for _ in range(count * 2):
            seen.add(vary(fill(template.text, words, rng), words, variation, rng))
            if len(seen) == count:
                break
        yield from (Row(text, template.label) for text in sorted(seen))


def vary(text: str, words: Words, variation: Variation, rng: random.Random) -> str:
    """Say a sentence another way; the label stays what it was."""
    text = words.synonym_pattern.sub(
        lambda m: rng.choice(words.synonyms[m[1]]) if rng.random() < variation.synonym else m[1], text
    )
    text = _rearranged(text, variation, rng)
    text = _surrounded(text, words, variation, rng)
    text = text[:1].upper() + text[1:]
    if rng.random() >= variation.no_stop:
        text += "?" if _asks(text) else "." if rng.random() >= variation.loud else "!"
    return _spelled(text, variation, rng)


def _rearranged(text: str, variation: Variation, rng: random.Random) -> str:
    clauses = text.split(", ")
    if len(clauses) > 1 and rng.random() < variation.swap:
        rng.shuffle(clauses)
        text = ", ".join(clauses)
    tokens = text.split()
    if rng.random() < variation.word_dropout:
        tokens = [t for t in tokens if t == COMPANY or rng.random() > 0.12] or tokens
    if len(tokens) > 10 and rng.random() < variation.crop:
        length = rng.randint(8, len(tokens) - 1)
        start = rng.randint(0, len(tokens) - length)
        tokens = tokens[start : start + length]
    return " ".join(tokens)


def _surrounded(text: str, words: Words, variation: Variation, rng: random.Random) -> str:
    if rng.random() < variation.opening:
        text = f"{fill(rng.choice(words.openings), words, rng)} {text}"
    if rng.random() < variation.closing:
        text = f"{text}{rng.choice((', ', ', ', ' ', '. '))}{fill(rng.choice(words.closings), words, rng)}"
    if rng.random() < variation.aside:
        aside = fill(rng.choice(words.asides), words, rng)
        text = f"{aside}{rng.choice(('. ', ', '))}{text}" if rng.random() < 0.5 else f"{text}. {aside}"
    return text


def _asks(text: str) -> bool:
    return bool(
        re.search(
            r"không$|\b(sao|bao lâu|ai là)\b|^(why|how|what|who|where|is|are|does|do|can|may)\b",
            text,
            re.IGNORECASE,
        )
    )


def _spelled(text: str, variation: Variation, rng: random.Random) -> str:
    parts = text.split(COMPANY)
    if rng.random() < variation.no_diacritics:
        parts = [strip_diacritics(part) for part in parts]
    if rng.random() < variation.lower:
        parts = [part.lower() for part in parts]
    elif rng.random() < variation.upper:
        parts = [part.upper() for part in parts]
    if rng.random() < variation.typo:
        at = rng.randrange(len(parts))
        parts[at] = _mistyped(parts[at], rng)
    return COMPANY.join(parts)


def _mistyped(text: str, rng: random.Random) -> str:
    if len(text) < 8:
        return text
    at = rng.randrange(len(text) - 2)
    return rng.choice((text[:at] + text[at + 1 :], text[:at] + text[at + 1] + text[at] + text[at + 2 :]))
