"""What each demonstration model is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
CATALOGUE = REPO / "charts" / "veriaidpo" / "files" / "catalogue.yaml"
MODELS = HERE / "models"
NATURAL = HERE / "natural"
TEMPLATES = HERE / "templates"
FIGURES = HERE / "figures"
UNFINISHED = REPO / "build" / "demo-models"
REPORT = REPO / "docs" / "demo-models.md"


CLASSIFICATION = "text-classification"
TAGGING = "token-classification"


@dataclass(frozen=True, slots=True)
class Training:
    """How long and how hard; the same for all models but where a Spec says otherwise.

    `masked` is the share of tokens hidden from the network. `averaged` is how much of the mean of its weights
    is kept at each step, and that mean is the network in the end; 0 takes the last weights.
    """

    seed: int = 20250101
    epochs: int = 3
    batch: int = 64
    rate: float = 1.5e-3
    weight_decay: float = 0.05
    dropout: float = 0.2
    smoothing: float = 0.0
    masked: float = 0.1
    averaged: float = 0.0


@dataclass(frozen=True, slots=True)
class Spec:
    """One model; `rows` of every template are trained on, `vocabulary` is the most tokens there may be.

    `salads` texts, made of fragments of rows, are graded by a teacher and trained on beside them; a share of
    `strange` of them has words in it that nobody knows.
    `stored` is the type of the weights in the file. `graph` says whether the folder carries a graph of its
    own; otherwise the product makes one from the weights when it fetches them.
    """

    name: str
    family: str
    rows: int
    vocabulary: int
    salads: int = 50_000
    strange: float = 0.0
    stored: str = "float16"
    graph: bool = False
    training: Training = Training()

    @property
    def language(self) -> str:
        """ISO 639-1, the last part of the name."""
        return self.name.rpartition("-")[2]

    @property
    def base(self) -> str:
        """The network and its tokenizer, for a person."""
        return _BASES[self.family]

    @property
    def task(self) -> str:
        """What the model does with a text, from the catalogue."""
        return str(self._entry["task"])

    @property
    def labels(self) -> list[dict[str, str]]:
        """The labels of the catalogue, in order."""
        return [{key: label[key] for key in ("id", "en", "vi")} for label in self._entry["labels"]]

    @property
    def threshold(self) -> float:
        """The confidence below which an answer wants a person's look."""
        return float(self._entry["threshold"])

    @property
    def templates(self) -> Path:
        """The file of its templates."""
        return TEMPLATES / f"{self.name}.txt"

    @property
    def _entry(self) -> dict[str, Any]:
        return _catalogue()[self.name]


@cache
def _catalogue() -> dict[str, dict[str, Any]]:
    """Read once: all that changes in it while a program runs is golden sentences."""
    entries = yaml.safe_load(CATALOGUE.read_text("utf-8"))["models"]
    return {entry["name"]: entry for entry in entries}


_BASES = {
    "phobert": "RoBERTa, PhoBERT's tokenizer",
    "xlmr": "XLM-RoBERTa, sentencepiece",
    "bert": "BERT, WordPiece, uncased",
}
_ALL = (
    Spec("principles-vi", "phobert", 25, 3800, stored="float32", graph=True),
    Spec("legal-basis-vi", "xlmr", 70, 2600, stored="float32", graph=True),
    Spec("breach-severity-vi", "phobert", 40, 3200),
    Spec("cross-border-vi", "phobert", 40, 3200),
    Spec("data-retention-vi", "phobert", 40, 3200),
    Spec("consent-vi", "phobert", 36, 5200, salads=100_000),
    Spec("processing-activity-vi", "phobert", 40, 3200),
    Spec(
        "sensitive-categories-vi",
        "phobert",
        70,
        5200,
        salads=270_000,
        strange=0.5,
        training=Training(epochs=2, averaged=0.999),
    ),
    Spec("transfer-mechanism-vi", "phobert", 40, 3200),
    Spec("company-classifier-vi", "phobert", 40, 3200),
    Spec("company-normalizer-vi", "phobert", 100, 3200),
    Spec("principles-en", "bert", 22, 3600, stored="float32", graph=True),
)
SPECS = {spec.name: spec for spec in _ALL}
