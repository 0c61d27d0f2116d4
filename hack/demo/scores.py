"""Macro-F1, confusion, and the bag-of-words baseline beside each model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, f1_score
from sklearn.pipeline import Pipeline, make_pipeline

from grammar import COMPANY, Row

# Stands in for the gateway's normalisation: legal forms with the capitalised words after them, and names.
_FORMS = r"công ty (?:tnhh|cổ phần|cp)|tập đoàn|ngân hàng(?: tmcp)?|ctcp|tổng công ty"
_KINDS = r"(?: (?:một thành viên|mtv|thương mại|dịch vụ|sản xuất))*"
_FORM_PATTERN = re.compile(rf"(?i:\b(?:{_FORMS}){_KINDS}) (?:[A-ZĐÀ-Ỹ][\w&.-]*\s?)+")
_NAMES = Path(__file__).with_name("companies.txt")


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


def replace_companies(text: str) -> str:
    """Replace company names by [COMPANY]: a few names and legal forms, far less than the gateway knows."""
    lines = _NAMES.read_text("utf-8").splitlines()
    names = "|".join(re.escape(line) for line in lines if not line.startswith("#"))
    text = _FORM_PATTERN.sub(lambda m: COMPANY + " " * m[0].endswith(" "), text)
    return re.sub(rf"(?<!\w)(?:{names})(?!\w)", COMPANY, text, flags=re.IGNORECASE)


def read_natural(path: Path) -> list[Row]:
    """Read sentences people wrote, for evaluation alone; empty when the file is not there."""
    if not path.exists():
        return []
    records = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    return [Row(replace_companies(record["text"]), record["label"]) for record in records]


def train_baseline(texts: Sequence[str], labels: Sequence[int]) -> Pipeline:
    """Train TF-IDF of words and word pairs with logistic regression on the network's rows."""
    tokens = r"\w+|\[COMPANY\]"
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, token_pattern=tokens)
    return make_pipeline(words, LogisticRegression(max_iter=300, C=3.0)).fit(list(texts), list(labels))
