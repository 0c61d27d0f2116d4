"""The task token-classification: spans are found in a text, each with a label."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from veriaidpo_predictor.computing import session, spans
from veriaidpo_predictor.computing.network import Logits
from veriaidpo_predictor.computing.spans import Span
from veriaidpo_predictor.golden import Golden, GoldenSpan, GoldenSpans
from veriaidpo_predictor.tokenising.tokenise import Encoded, Tokeniser

_TOLD = 5
"""Spans of a golden sentence that went wrong that are told."""


@dataclass(frozen=True, slots=True)
class Found:
    """The spans of one text, with offsets into it as it was sent."""

    spans: list[Span]
    tokens: int
    truncated: bool


class Tagging:
    """See `tasks.Task` for what each member is for."""

    per_token = True

    def __init__(self, tags: Sequence[str]) -> None:
        self._tags = tags
        self.width = len(tags)

    def encode(self, tokeniser: Tokeniser, texts: Sequence[str]) -> list[Encoded]:
        """Encode each text, with the places of its tokens."""
        return tokeniser.encode_with_places(texts)

    def answers(
        self, texts: Sequence[str], encoded: Sequence[Encoded], logits: Sequence[Logits]
    ) -> list[Found]:
        """Turn logits of shape [tokens, tags] into spans."""
        return [
            Found(
                spans.find(text, one.places, session.softmax(scores), self._tags),
                len(one.ids),
                one.truncated,
            )
            for text, one, scores in zip(texts, encoded, logits, strict=True)
        ]

    def fault(self, golden: Golden, answer: Found) -> str | None:
        """Compare places and labels, not scores."""
        wanted = golden.spans if isinstance(golden, GoldenSpans) else ()
        found, expected = _named(answer.spans), _named(wanted)
        return None if found == expected else f"{_listed(found)}, not {_listed(expected)}"

    def decisions(self, text: str, encoded: Encoded, logits: Logits) -> Logits:
        """Give a row for each word: that of the token which speaks for it."""
        return session.softmax(logits)[spans.speaking(text, encoded.places)]

    def expected(self, golden: Golden) -> set[tuple[str, int, int]]:
        """Give each span."""
        wanted = golden.spans if isinstance(golden, GoldenSpans) else ()
        return {(span.label, span.start, span.end) for span in wanted}

    def found(self, answer: Found) -> set[tuple[str, int, int]]:
        """Give each span."""
        return {(span.label, span.start, span.end) for span in answer.spans}

    def chosen(self, answer: Found) -> list[tuple[str, float]]:
        """Give the label of each span."""
        return [(span.label, span.score) for span in answer.spans]

    def prediction(self, answer: Found) -> dict[str, Any]:
        """List the spans as objects."""
        return {"spans": _plain(answer.spans), "tokens": answer.tokens, "truncated": answer.truncated}

    def outputs(self, answers: Sequence[Found]) -> dict[str, list[Any]]:
        """Write each text's spans as one string of JSON: V2 knows no lists of lists."""
        return {
            "spans": [json.dumps(_plain(answer.spans), ensure_ascii=False) for answer in answers],
            "tokens": [answer.tokens for answer in answers],
            "truncated": [answer.truncated for answer in answers],
        }

    def output_types(self, rows: int) -> list[tuple[str, str, list[int]]]:
        """Name the outputs of the wire."""
        return [("spans", "BYTES", [rows]), ("tokens", "INT64", [rows]), ("truncated", "BOOL", [rows])]


def _plain(found: Sequence[Span]) -> list[dict[str, Any]]:
    return [
        {"start": span.start, "end": span.end, "label": span.label, "score": round(span.score, 6)}
        for span in found
    ]


def _named(found: Sequence[Span | GoldenSpan]) -> list[str]:
    return [f"{span.label} {span.start}-{span.end}" for span in found]


def _listed(named: Sequence[str]) -> str:
    more = [f"{len(named) - _TOLD} more"] if len(named) > _TOLD else []
    return " and ".join([*named[:_TOLD], *more]) or "no span"
