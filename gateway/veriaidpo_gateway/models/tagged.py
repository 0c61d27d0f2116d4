"""What comes back from a model that finds names in texts, in the V2 protocol. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from veriaidpo_gateway.models import inference
from veriaidpo_gateway.models.routes import Model
from veriaidpo_gateway.normalisation.spans import FoundBy, Kind, Marked, Span

_KINDS = {kind.lower(): kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Tagged:
    """What a revision found in one text: in order, none overlapping another."""

    marked: tuple[Marked, ...]
    truncated: bool
    """Whether it saw only the beginning of the text."""

    revision: str


def decode(body: bytes, *, model: Model, texts: Sequence[str]) -> tuple[Tagged, ...]:
    """Read the answers, in the order of the texts; ValueError unless all of them can stand in their text."""
    found = inference.outputs(body, model=model.name)
    spans = found.column("spans", [len(texts)], "BYTES")
    truncated = found.column("truncated", [len(texts)], "BOOL")
    labels = frozenset(label.id for label in model.labels)
    return tuple(
        Tagged(tuple(_marked(written, text, labels)), inference.truth_value(cut), found.revision)
        for written, text, cut in zip(spans, texts, truncated, strict=True)
    )


def _marked(written: object, text: str, labels: frozenset[str]) -> Iterator[Marked]:
    """Read the spans of one text, a list as JSON; those of kinds that are never replaced are left out."""
    last = 0
    for one in _listed(written):
        place, label = _place(one, after=last, length=len(text)), one.get("label")
        if not isinstance(label, str) or label not in labels:
            raise ValueError("no such label")
        last = place.end
        if label in _KINDS:
            yield Marked(place, _KINDS[label], FoundBy.MODEL)


def _listed(written: object) -> list[Any]:
    try:
        listed = json.loads(written) if isinstance(written, str) else None
    except RecursionError as error:
        raise ValueError("not a list of spans") from error
    if not isinstance(listed, list):
        raise ValueError("not a list of spans")  # noqa: TRY004  one kind of trouble with an answer
    return listed


def _place(one: Any, *, after: int, length: int) -> Span:
    start, end = (one.get("start"), one.get("end")) if isinstance(one, dict) else (None, None)
    if type(start) is not int or type(end) is not int or not after <= start < end <= length:
        raise ValueError("no place in the text")
    return Span(start, end)
