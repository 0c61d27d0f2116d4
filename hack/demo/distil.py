"""A teacher that reads words and letters, and sentences it grades for the network.

A small network that starts from nothing learns the templates by heart. A bag of words cannot, so it knows
better what a single word is worth; the network learns that from it on fragments put together at random.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import Pipeline, make_pipeline

from grammar import Row

Floats = npt.NDArray[np.float32]


class Teacher:
    """The mean of three classifiers: words and pairs (twice), and groups of letters."""

    def __init__(self, texts: Sequence[str], labels: Sequence[int]) -> None:
        """Learns from the training rows and nothing else."""
        words = {"ngram_range": (1, 2), "token_pattern": r"\w+"}
        letters = {"analyzer": "char_wb", "ngram_range": (2, 5), "max_features": 60_000}
        self._parts: list[Pipeline] = [
            make_pipeline(_counted(words), LogisticRegression(max_iter=200, C=1.0)),
            make_pipeline(_counted(words), ComplementNB(alpha=0.3)),
            make_pipeline(_counted(letters), LogisticRegression(max_iter=100, C=1.0)),
        ]
        for part in self._parts:
            part.fit(list(texts), list(labels))

    def grade(self, texts: Sequence[str]) -> Floats:
        """Probabilities [texts, labels]."""
        total = sum(part.predict_proba(list(texts)) for part in self._parts)
        return np.asarray(total / len(self._parts), np.float32)


def _counted(settings: Mapping[str, object]) -> TfidfVectorizer:
    return TfidfVectorizer(sublinear_tf=True, min_df=3, **settings)


def salads(rows: Sequence[Row], count: int, rng: random.Random) -> list[str]:
    """`count` texts, each made of one to three fragments of rows of any label."""
    return [
        " ".join(_fragment(rng.choice(rows).text, rng) for _ in range(rng.choice((1, 2, 2, 3))))
        for _ in range(count)
    ]


def _fragment(text: str, rng: random.Random) -> str:
    words = text.split()
    length = min(len(words), rng.randint(2, 9))
    start = rng.randint(0, len(words) - length)
    taken = words[start : start + length]
    if rng.random() < 0.3:
        rng.shuffle(taken)
    return " ".join(taken)


def with_strange_words(
    texts: Sequence[str], rows: Sequence[Row], share: float, rng: random.Random
) -> list[str]:
    """Put one to three words nobody knows, made of two known ones, into a `share` (0 to 1) of the texts.

    The teacher takes no notice of a word it has not seen; this is how the network learns not to, either.
    """
    known = sorted({word for row in rows for word in row.text.split()})
    return [_strange(text, known, rng) if rng.random() < share else text for text in texts]


def _strange(text: str, known: Sequence[str], rng: random.Random) -> str:
    words = text.split()
    for _ in range(rng.choice((1, 1, 2, 3))):
        head, tail = rng.choice(known), rng.choice(known)
        made = head[: rng.randint(1, len(head))] + tail[rng.randint(0, len(tail) - 1) :]
        words.insert(rng.randint(0, len(words)), made)
    return " ".join(words)


def sharpened(probabilities: Floats, power: float = 2.0) -> Floats:
    """Keep the order and take away doubt: a mean of several classifiers is flatter than any of them."""
    raised = probabilities**power
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)
