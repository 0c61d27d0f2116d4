"""Stretches of a text: what they are, how they were found, and the text without them. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Code points [start, end) of a text."""

    start: int
    end: int


class Kind(StrEnum):
    """What a stretch of a text is; in brackets it is what the stretch is replaced by."""

    COMPANY = "COMPANY"
    PERSON = "PERSON"
    ADDRESS = "ADDRESS"


class FoundBy(StrEnum):
    """How a stretch was found: it holds a name of the registry, by a rule, or by a model."""

    REGISTRY = "registry"
    RULE = "rule"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Marked:
    """A stretch of a text."""

    place: Span
    kind: Kind
    found_by: FoundBy = FoundBy.RULE


def merge(known: Sequence[Marked], tagged: Iterable[Marked]) -> tuple[Marked, ...]:
    """Add what a model found to what is known: two lists in order, neither with overlaps, make a third.

    Where the two meet, what is known stays. Only a stretch that was found by a rule gives way to a longer one
    of its own kind: the model knows the rest of the same name, and half a name is half a secret.
    """
    ends = [one.place.end for one in known]
    given_way: set[Span] = set()
    added = []
    for one in tagged:
        first = last = bisect_right(ends, one.place.start)
        while last < len(known) and known[last].place.start < one.place.end:
            last += 1
        met = known[first:last]
        if all(_is_part(part, one) for part in met):
            added.append(one)
            given_way.update(part.place for part in met)
    kept = [one for one in known if one.place not in given_way]
    return tuple(sorted([*kept, *added], key=lambda one: one.place))


def _is_part(known: Marked, of: Marked) -> bool:
    inside = of.place.start <= known.place.start and known.place.end <= of.place.end
    return known.found_by is FoundBy.RULE and known.kind is of.kind and inside


def replace(text: str, marked: Iterable[Marked]) -> str:
    """Put a placeholder in the place of each stretch; they are in order and do not overlap."""
    parts, last = [], 0
    for one in marked:
        parts += [text[last : one.place.start], f"[{one.kind}]"]
        last = one.place.end
    return "".join([*parts, text[last:]])
