"""Which words an answer rests on: each is left out once, and the label's probability is looked at again.

Pure.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.normalisation import texts
from veriaidpo_gateway.normalisation.normalise import Normalised
from veriaidpo_gateway.normalisation.spans import Span

METHOD = "occlusion"
MOST = 31
"""Parts of a text that are left out in turn: with the whole text as many as a predictor computes together."""

NOTHING = "."
"""What a model is asked where nothing is left of a text: blank ones are refused."""

_WORD = re.compile(r"\S+")


class Attribution(BaseModel):
    """A stretch of the original text, and how much the label's probability falls without it."""

    start: Annotated[int, Field(ge=0, description="In code points of original_text")]
    end: Annotated[int, Field(ge=1, description="The first code point after it")]
    attribution: Annotated[
        float, Field(ge=-1, le=1, description="Positive: it speaks for the label; negative: against it")
    ]


class Explanation(BaseModel):
    """What an answer rests on, by leaving out."""

    model_config = ConfigDict(protected_namespaces=())

    method: Annotated[str, Field(description="occlusion: each word is left out once")]
    category_id: Annotated[int, Field(ge=0, description="The label that is explained: the answer's")]
    model_revision: Annotated[str, Field(description="The digest of the revision that was asked for this")]
    evaluations: Annotated[int, Field(description="How many texts the model was asked")]
    most_evaluations: Annotated[
        int, Field(description="The bound; in a longer text neighbouring words are left out together")
    ]
    words: list[Attribution]


@dataclass(frozen=True, slots=True)
class _Word:
    """A stretch of the original, and what a model sees in its place."""

    place: Span
    seen: str


def parts(text: Normalised, most: int = MOST) -> list[list[_Word]]:
    """Give what is left out together: a word or a name, or neighbours where there are more than `most`."""
    found = list(_words(text))
    together = -(-len(found) // most)
    return [found[start : start + together] for start in range(0, len(found), together or 1)]


def without(text: Normalised, left_out: Sequence[Sequence[_Word]]) -> Iterator[str]:
    """Give the text as a model would see it without each of its `parts`, one after the other."""
    pieces: list[str] = []
    last = 0
    for word in chain.from_iterable(left_out):
        pieces += [text.original[last : word.place.start], word.seen]
        last = word.place.end
    pieces.append(text.original[last:])
    start = 0
    for part in left_out:
        end = start + 2 * len(part)
        between = pieces[start:end:2]
        yield texts.canonical("".join([*pieces[:start], *between, *pieces[end:]])) or NOTHING
        start = end


def explained(
    left_out: Sequence[Sequence[_Word]], category_id: int, inferences: Sequence[Inference]
) -> Explanation:
    """Compare the answer for the whole text, the first, with those without each part."""
    whole, *others = inferences
    return Explanation(
        method=METHOD,
        category_id=category_id,
        model_revision=whole.revision,
        evaluations=len(inferences),
        most_evaluations=MOST + 1,
        words=[
            Attribution(
                start=words[0].place.start,
                end=words[-1].place.end,
                attribution=round(whole.probabilities[category_id] - other.probabilities[category_id], 6),
            )
            for words, other in zip(left_out, others, strict=True)
        ],
    )


def _words(text: Normalised) -> Iterator[_Word]:
    """Give names and what stands between blanks, in order; together they are all of the text but blanks."""
    last = 0
    for one in text.marked:
        yield from _between(text.original, last, one.place.start)
        yield _Word(one.place, f"[{one.kind}]")
        last = one.place.end
    yield from _between(text.original, last, len(text.original))


def _between(original: str, start: int, end: int) -> Iterator[_Word]:
    for match in _WORD.finditer(original, start, end):
        yield _Word(Span(*match.span()), match[0])
