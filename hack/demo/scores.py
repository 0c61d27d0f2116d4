"""Macro-F1, confusion, and the bag-of-words baseline beside each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, f1_score
from sklearn.pipeline import Pipeline, make_pipeline


@dataclass(frozen=True, slots=True)
class Score:
    """macro_f1 in 0..1; confusion[truth][answer] in rows."""

    macro_f1: float
    confusion: list[list[int]]
    rows: int


def score(truth: Sequence[int], answers: npt.NDArray[np.int64], labels: int) -> Score:
    """Tell how well `answers` match `truth` (label numbers)."""
    every = list(range(labels))
    return Score(
        macro_f1=float(f1_score(truth, answers, average="macro", labels=every, zero_division=0)),
        confusion=confusion_matrix(truth, answers, labels=every).tolist(),
        rows=len(truth),
    )


def train_baseline(texts: Sequence[str], labels: Sequence[int]) -> Pipeline:
    """Train TF-IDF of words and word pairs with logistic regression on the network's rows."""
    tokens = r"\w+|\[COMPANY\]"
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, token_pattern=tokens)
    return make_pipeline(words, LogisticRegression(max_iter=300, C=3.0)).fit(list(texts), list(labels))
