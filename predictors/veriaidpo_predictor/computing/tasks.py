"""What a model is asked to do with a text: the one place that tells the tasks apart."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from veriaidpo_predictor.computing.classification import Classification
from veriaidpo_predictor.computing.network import Logits
from veriaidpo_predictor.computing.tagging import Tagging
from veriaidpo_predictor.golden import Golden, Label
from veriaidpo_predictor.golden import Task as TaskName
from veriaidpo_predictor.tokenising.tokenise import Encoded, Tokeniser

Answer = TypeVar("Answer")


class Task(Protocol[Answer]):
    """Both ends of the engine: texts to ids, and logits to answers and to what is told of them."""

    @property
    def per_token(self) -> bool:
        """Tell whether the graph scores each token, or the text as a whole."""

    @property
    def width(self) -> int:
        """How many scores the graph gives."""

    def encode(self, tokeniser: Tokeniser, texts: Sequence[str]) -> list[Encoded]:
        """Give the ids of each text, and whatever else `answers` needs to know of it."""

    def answers(
        self, texts: Sequence[str], encoded: Sequence[Encoded], logits: Sequence[Logits], /
    ) -> list[Answer]:
        """Read the logits of each text: of shape [width], or [tokens, width] with `per_token`."""

    def fault(self, golden: Golden, answer: Answer) -> str | None:
        """Say what a golden sentence got instead of what it should, "this, not that"; None when it did."""

    def decisions(self, text: str, encoded: Encoded, logits: Logits, /) -> Logits:
        """Give the probabilities, [n, width], from which each label of a text's answer is chosen."""

    def expected(self, golden: Golden) -> set[tuple[str, int, int]]:
        """Give the labels of a golden sentence, each with the place that it is expected at."""

    def found(self, answer: Answer) -> set[tuple[str, int, int]]:
        """Give the labels of an answer in the form of `expected`."""

    def chosen(self, answer: Answer) -> list[tuple[str, float]]:
        """Give the labels of an answer, each with its probability."""

    def prediction(self, answer: Answer) -> dict[str, Any]:
        """Give one answer as V1 tells it."""

    def outputs(self, answers: Sequence[Answer]) -> dict[str, list[Any]]:
        """Give the flat data of each V2 output, in the order of `output_types`."""

    def output_types(self, rows: int) -> list[tuple[str, str, list[int]]]:
        """Give name, V2 datatype and shape of each output for so many texts; -1 stands for any number."""


def of(
    task: TaskName, labels: Sequence[Label], tags: Sequence[str] | None, *, temperature: float = 1.0
) -> Task[Any]:
    """Give the task of a model; `tags` are those of one that finds spans, which has no temperature."""
    if task == "token-classification":
        return Tagging(tags or ())
    return Classification(labels, temperature)
