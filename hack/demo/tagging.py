"""A tagger's lesson: each word's first token learns its tag; the product's own rule finds the spans."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizer, set_seed

from grammar import TRAINING, UNSEEN, read_templates
from network import build, softmax, token_logits, train
from rows import SEED
from say import say
from spans import Marked, Span, read_natural, rows_of, score, unseen_sentences
from specs import NATURAL, REPO, Spec, Training
from vocabulary import MAX_TOKENS

# Where a word begins among the tokens is the predictor's rule, and it has one home.
sys.path.insert(0, str(REPO / "predictors"))
from veriaidpo_predictor.computing import spans as serving
from veriaidpo_predictor.tokenising.tokenise import Encoded
from veriaidpo_predictor.tokenising.tokenise import build as build_tokeniser
from veriaidpo_predictor.tokenising.tokenise_kind import kind_of

ROWS_UNSEEN = 10
WANTED = 24
MARGIN = 0.3
_NOT_ASKED = -100
"""What cross-entropy leaves out."""


class Tagging:
    """See `making.Lesson` for what each member is for."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._ids = [label["id"] for label in spec.labels]
        self.tags = ["O", *(f"{position}-{name}" for name in self._ids for position in "BI")]
        self.names = [tag if tag == "O" else tag[:2] + tag[2:].upper() for tag in self.tags]
        self.templates = read_templates(spec.templates)
        trained = [t for t in self.templates if not t.held_out]
        unseen = [t for t in self.templates if t.held_out]
        rng = random.Random(SEED)
        self._trained = list(rows_of(trained, spec, TRAINING, count=spec.rows, rng=rng, unseen=False))
        self._unseen = list(rows_of(unseen, spec, UNSEEN, count=ROWS_UNSEEN, rng=rng, unseen=True))
        self.texts = [row.text for row in self._trained]
        self.counts = {"trained": len(self._trained), "unseen": len(self._unseen)}
        self.sample = [row.text for row in self._unseen]

    def fit(self, tokenizer: PreTrainedTokenizer, settings: Training) -> PreTrainedModel:
        """Train on the rows."""
        spec = self._spec
        set_seed(settings.seed)
        network = build(spec, tokenizer, self.names, settings.dropout)
        say(f"{spec.name}: {network.num_parameters():,} parameters, {len(tokenizer)} tokens")
        encoded = self._encode(tokenizer, self.texts)
        goals = [self._goal(row, one) for row, one in zip(self._trained, encoded, strict=True)]
        entropy = torch.nn.CrossEntropyLoss(ignore_index=_NOT_ASKED)

        def loss_of(scores: torch.Tensor, chunk: Sequence[int]) -> torch.Tensor:
            longest = scores.shape[1]
            goal = torch.tensor([goals[i] + [_NOT_ASKED] * (longest - len(goals[i])) for i in chunk])
            loss: torch.Tensor = entropy(scores.flatten(0, 1), goal.flatten())
            return loss

        ids = [one.ids for one in encoded]
        train(network, tokenizer, ids, loss_of=loss_of, settings=settings, name=spec.name)
        return network

    def measure(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizer) -> dict[str, Any]:
        """Measure on unseen templates with unseen names, and on natural sentences."""
        found: dict[str, Any] = {}
        natural = read_natural(NATURAL / f"{self._spec.name}.jsonl")
        for name, part in (("unseen", self._unseen), ("natural", natural)):
            answers, _ = self._answers(network, tokenizer, part)
            scores = score([row.spans for row in part], answers, self._ids)
            found[name] = {
                "macro_f1": float(np.mean([one.f1 for one in scores.values()])),
                "spans": {label: asdict(one) for label, one in scores.items()},
                "rows": len(part),
            }
        return found

    def golden(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizer) -> list[dict[str, Any]]:
        """WANTED held-out sentences whose spans are found exactly and surely, every label among them.

        Raises RuntimeError when there are too few.
        """
        rows = unseen_sentences(self._spec)
        answers, margins = self._answers(network, tokenizer, rows)
        right = [
            (row, margin)
            for row, found, margin in zip(rows, answers, margins, strict=True)
            if tuple(found) == row.spans and margin > MARGIN and len(row.text) < 160
        ]
        surest = [row for row, _ in sorted(right, key=lambda one: -one[1])]
        of_each = [self._naming(label, surest)[: WANTED // 4] for label in self._ids]
        nobody = [row for row in surest if not row.spans][: WANTED // 4]
        chosen = list(dict.fromkeys(row for rows in (*of_each, nobody, surest) for row in rows))[:WANTED]
        if len(chosen) < WANTED or not all(of_each):
            raise RuntimeError(f"{self._spec.name}: too few golden sentences")
        return [
            {
                "text": row.text,
                "spans": [{"start": start, "end": end, "label": label} for start, end, label in row.spans],
            }
            for row in chosen
        ]

    @staticmethod
    def _naming(label: str, rows: Sequence[Marked]) -> list[Marked]:
        return [row for row in rows if any(span[2] == label for span in row.spans)]

    def _encode(self, tokenizer: PreTrainedTokenizer, texts: Sequence[str]) -> list[Encoded]:
        """Encode with the product's tokenizer: transformers' own tells no places."""
        folder = Path(tokenizer.name_or_path)
        kind = kind_of({path.name for path in folder.iterdir()})
        if kind is None:
            raise RuntimeError(f"{folder} has no tokenizer files")
        return build_tokeniser(folder, kind, max_tokens=MAX_TOKENS).encode_with_places(texts)

    def _goal(self, row: Marked, encoded: Encoded) -> list[int]:
        goal = [_NOT_ASKED] * len(encoded.ids)
        for word, token, begins_here in serving.heads(row.text, encoded.places):
            if begins_here or goal[token] == _NOT_ASKED:
                goal[token] = self.tags.index(_tag(word.start, row.spans))
        return goal

    def _answers(
        self, network: PreTrainedModel, tokenizer: PreTrainedTokenizer, rows: Sequence[Marked]
    ) -> tuple[list[list[Span]], list[float]]:
        """Give each row's spans and how sure its least sure word is (0 to 1)."""
        encoded = self._encode(tokenizer, [row.text for row in rows])
        scores = token_logits(network, [one.ids for one in encoded], tokenizer.pad_token_id)
        answers, margins = [], []
        for row, one, raw in zip(rows, encoded, scores, strict=True):
            shares = softmax(raw)
            found = serving.find(row.text, one.places, shares, self.tags)
            answers.append([(span.start, span.end, span.label) for span in found])
            best = np.sort(shares[serving.speaking(row.text, one.places)], axis=1)
            margins.append(float((best[:, -1] - best[:, -2]).min(initial=1.0)))
        return answers, margins


def _tag(start: int, spans: Sequence[Span]) -> str:
    for begin, end, label in spans:
        if begin <= start < end:
            return f"{'B' if start == begin else 'I'}-{label}"
    return "O"
