"""What each demonstration model is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
CATALOGUE = REPO / "charts" / "veriaidpo" / "files" / "catalogue.yaml"
MODELS = HERE / "models"
NATURAL = HERE / "natural"
REPORT = REPO / "docs" / "demo-models.md"


@dataclass(frozen=True, slots=True)
class Spec:
    """One model; `rows` of every template are trained on, `vocabulary` is the most tokens there may be."""

    name: str
    family: str
    templates: str
    language: str
    base: str
    rows: int
    vocabulary: int

    @property
    def labels(self) -> list[dict[str, str]]:
        """The labels of the catalogue, in order."""
        entries = yaml.safe_load(CATALOGUE.read_text("utf-8"))["models"]
        (entry,) = (e for e in entries if e["name"] == self.name)
        return [{key: label[key] for key in ("id", "en", "vi")} for label in entry["labels"]]


SPECS = {
    spec.name: spec
    for spec in (
        Spec("principles-vi", "phobert", "principles-vi", "vi", "RoBERTa, PhoBERT's tokenizer", 25, 3800),
        Spec("legal-basis-vi", "xlmr", "legal-basis-vi", "vi", "XLM-RoBERTa, sentencepiece", 70, 2600),
        Spec("principles-en", "bert", "principles-en", "en", "BERT, WordPiece, uncased", 22, 3600),
    )
}
