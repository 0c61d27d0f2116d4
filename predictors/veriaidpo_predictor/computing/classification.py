"""The task text-classification: a text gets one of the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from veriaidpo_predictor.computing import session
from veriaidpo_predictor.computing.network import Logits
from veriaidpo_predictor.golden import Golden, GoldenSentence, Label
from veriaidpo_predictor.tokenising.tokenise import Encoded, Tokeniser


@dataclass(frozen=True, slots=True)
class Category:
    """What one text got; probabilities are in the order of the labels."""

    category_id: int
    probabilities: list[float]
    tokens: int
    truncated: bool


class Classification:
    """See `tasks.Task` for what each member is for."""

    per_token = False

    def __init__(self, labels: Sequence[Label], temperature: float = 1.0) -> None:
        self._labels = labels
        self._temperature = temperature
        self.width = len(labels)

    def encode(self, tokeniser: Tokeniser, texts: Sequence[str]) -> list[Encoded]:
        """Encode each text; where its tokens lie is not asked for."""
        return tokeniser.encode(texts)

    def answers(
        self, _texts: Sequence[str], encoded: Sequence[Encoded], logits: Sequence[Logits]
    ) -> list[Category]:
        """Turn logits of shape [labels] into probabilities; the label is that of the logits themselves."""
        stacked = np.stack(logits)
        chosen = stacked.argmax(axis=1)
        return [
            Category(int(label), [float(value) for value in row], len(one.ids), one.truncated)
            for one, label, row in zip(encoded, chosen, self._probabilities(stacked), strict=True)
        ]

    def fault(self, golden: Golden, answer: Category) -> str | None:
        """Compare labels."""
        label = self._labels[answer.category_id].id
        wanted = golden.label if isinstance(golden, GoldenSentence) else "spans"
        return None if label == wanted else f"{label}, not {wanted}"

    def decisions(self, _text: str, _encoded: Encoded, logits: Logits) -> Logits:
        """Give the one row that a text's label is chosen from."""
        return self._probabilities(logits[np.newaxis])

    def _probabilities(self, logits: Logits) -> Logits:
        return session.softmax(logits, self._temperature)

    def expected(self, golden: Golden) -> set[tuple[str, int, int]]:
        """Give the one label; it stands for the whole text."""
        return {(golden.label, 0, 0)} if isinstance(golden, GoldenSentence) else set()

    def found(self, answer: Category) -> set[tuple[str, int, int]]:
        """Give the one label."""
        return {(self._labels[answer.category_id].id, 0, 0)}

    def chosen(self, answer: Category) -> list[tuple[str, float]]:
        """Give the one label."""
        return [(self._labels[answer.category_id].id, answer.probabilities[answer.category_id])]

    def prediction(self, answer: Category) -> dict[str, Any]:
        """Name the label besides its number."""
        return {
            "category_id": answer.category_id,
            "label": self._labels[answer.category_id].id,
            "probabilities": answer.probabilities,
            "tokens": answer.tokens,
            "truncated": answer.truncated,
        }

    def outputs(self, answers: Sequence[Category]) -> dict[str, list[Any]]:
        """Flatten the probabilities, row by row."""
        return {
            "category_id": [answer.category_id for answer in answers],
            "probabilities": [p for answer in answers for p in answer.probabilities],
            "tokens": [answer.tokens for answer in answers],
            "truncated": [answer.truncated for answer in answers],
        }

    def output_types(self, rows: int) -> list[tuple[str, str, list[int]]]:
        """Name the outputs of the wire."""
        return [
            ("category_id", "INT64", [rows]),
            ("probabilities", "FP32", [rows, self.width]),
            ("tokens", "INT64", [rows]),
            ("truncated", "BOOL", [rows]),
        ]
