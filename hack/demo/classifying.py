"""A classifier's lesson: what it learns from, how it is measured, which sentences become its golden ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel, PreTrainedTokenizer, set_seed

from distil import Teacher, salads, sharpened, with_strange_words
from grammar import Row
from natural import read_natural
from network import Floats, build, encode, logits, softmax, train
from rows import make_rows
from say import say
from scores import score, train_baseline
from specs import NATURAL, Spec, Training

MARGIN = 0.3
WANTED = 20


class Classifying:
    """See `making.Lesson` for what each member is for."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._rows = make_rows(spec)
        self.names = [label["en"] for label in spec.labels]
        self.texts = [row.text for row in self._rows.trained]
        self.templates = self._rows.templates
        self.counts = {"trained": len(self._rows.trained), "unseen": len(self._rows.unseen)}
        self.sample = [row.text for row in self._rows.unseen]

    def fit(self, tokenizer: PreTrainedTokenizer, settings: Training) -> PreTrainedModel:
        """Train on the rows and on fragments of them that the teacher graded."""
        spec = self._spec
        truth = self._numbers(self._rows.trained)
        say(f"{spec.name}: teaching the teacher")
        teacher = Teacher(self.texts, truth)
        rng = random.Random(settings.seed)
        mixed = salads(self._rows.trained, spec.salads, rng)
        mixed = with_strange_words(mixed, self._rows.trained, spec.strange, rng)
        own = np.eye(len(spec.labels), dtype=np.float32)[truth]
        graded = sharpened(teacher.grade(self.texts)), sharpened(teacher.grade(mixed))
        goal = torch.from_numpy(np.concatenate([(own + graded[0]) / 2, graded[1]]))
        set_seed(settings.seed)
        network = build(spec, tokenizer, self.names, settings.dropout)
        say(f"{spec.name}: {network.num_parameters():,} parameters, {len(tokenizer)} tokens")
        entropy = torch.nn.CrossEntropyLoss(label_smoothing=settings.smoothing)
        train(
            network,
            tokenizer,
            encode(tokenizer, [*self.texts, *mixed]),
            loss_of=lambda scores, chunk: entropy(scores, goal[chunk]),
            settings=settings,
            name=spec.name,
        )
        return network

    def measure(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizer) -> dict[str, Any]:
        """Measure network and baseline on unseen templates and on natural sentences."""
        labels = len(self._spec.labels)
        baseline = train_baseline(self.texts, self._numbers(self._rows.trained))
        natural = read_natural(NATURAL / f"{self._spec.name}.jsonl")
        found: dict[str, Any] = {}
        for name, part in (("unseen", self._rows.unseen), ("natural", natural)):
            texts, truth = [row.text for row in part], self._numbers(part)
            shares = self._shares(network, tokenizer, texts)
            answers = shares.argmax(axis=1)
            found[name] = asdict(score(truth, answers, labels)) | self._review(shares, np.array(truth))
            found[f"baseline_{name}"] = asdict(score(truth, baseline.predict(texts), labels))
        return found

    def golden(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizer) -> list[dict[str, Any]]:
        """At least WANTED held-out sentences answered rightly by more than MARGIN, as many of each label.

        Raises RuntimeError when a label has too few: such a model is not good enough to be shown.
        """
        rows, ids = self._rows.plain_unseen, [label["id"] for label in self._spec.labels]
        shares = self._shares(network, tokenizer, [row.text for row in rows])
        of_label = -(-WANTED // len(ids))
        taken: Counter[str] = Counter()
        chosen: list[Row] = []
        for at in np.argsort(-shares.max(axis=1), kind="stable"):
            row, best, second = rows[at], *np.sort(shares[at])[:-3:-1]
            right = ids[int(shares[at].argmax())] == row.label
            sure = best - second > MARGIN and len(row.text) < 160
            if right and sure and taken[row.label] < of_label:
                chosen.append(row)
                taken[row.label] += 1
        if missing := [label for label in ids if taken[label] < of_label]:
            raise RuntimeError(f"{self._spec.name}: too few golden sentences for {', '.join(missing)}")
        chosen.sort(key=lambda row: ids.index(row.label))
        return [{"text": row.text, "label": row.label} for row in chosen]

    def _review(self, shares: Floats, truth: npt.NDArray[np.int64]) -> dict[str, float]:
        """Tell what the threshold does: answers above it, and how often they and the others are right."""
        right, sure = shares.argmax(axis=1) == truth, shares.max(axis=1) >= self._spec.threshold
        return {
            "sure": float(sure.mean()),
            "right_when_sure": float(right[sure].mean()) if sure.any() else 0.0,
            "right_when_not": float(right[~sure].mean()) if not sure.all() else 1.0,
        }

    def _shares(
        self, network: PreTrainedModel, tokenizer: PreTrainedTokenizer, texts: Sequence[str]
    ) -> Floats:
        return softmax(logits(network, encode(tokenizer, texts), tokenizer.pad_token_id))

    def _numbers(self, rows: Sequence[Row]) -> list[int]:
        at = {label["id"]: i for i, label in enumerate(self._spec.labels)}
        return [at[row.label] for row in rows]
