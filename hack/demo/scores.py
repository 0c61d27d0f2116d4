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

# Stands in for the gateway's normalisation: legal forms with the capitalised words after them, and a few names.
_FORMS = (
    r"(?:công ty (?:tnhh|cổ phần|cp)|tập đoàn|ngân hàng(?: tmcp)?|ctcp|tổng công ty)"
    r"(?: (?:một thành viên|mtv|thương mại|dịch vụ|sản xuất))*"
)
_NAMES = (
    "Shopee Vietnam|Shopee VN|Shopee|Lazada|Tiki|Sendo|TikTok Shop|TikTok|Grab|Gojek|Be Group|Momo|MoMo|ZaloPay|Zalo|VNPay|"
    "VNG|FPT Telecom|FPT Shop|FPT|Viettel Post|Viettel|VNPT|Mobifone|MobiFone|Vinaphone|VinaPhone|Vietcombank|VietinBank|"
    "Vietinbank|BIDV|Agribank|Techcombank|VPBank|MB Bank|MBBank|ACB|Sacombank|TPBank|HDBank|VIB|SHB|Vinamilk|"
    "Vingroup|VinFast|Vinmec|Vinhomes|Vinschool|Masan|WinMart|Thế Giới Di Động|Điện Máy Xanh|Bách Hóa Xanh|"
    "Vietnam Airlines|Vietjet Air|VietJet Air|Vietjet|VietJet|Bamboo Airways|Prudential|Manulife|Bảo Việt|AIA|Home Credit|FE Credit|"
    "Long Châu|Pharmacity|An Khang|GHTK|GHN|Giao Hàng Nhanh|Giao Hàng Tiết Kiệm|J&T Express|J&T|Facebook|Google|Samsung|"
    "Highlands Coffee|Highlands|The Coffee House|Phúc Long|Petrolimex|EVN|Hòa Phát|Hoàn Mỹ|Medlatec|Apax|CGV|Lotte Mart|Lotte|AEON|"
    "Co.opmart|Traveloka|Booking.com|Agoda|Topica|ELSA|Hoa Sen|PNJ|Novaland|Sun Group|Tân Á Đại Thành"
)
_FORM_PATTERN = re.compile(rf"(?i:\b{_FORMS}) (?:[A-ZĐÀ-ỸÂÊÔƠƯ][\w&.-]*\s?)+")
_NAME_PATTERN = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, _NAMES.split('|')))})(?!\w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Score:
    """macro_f1 in 0..1; confusion[truth][answer] in rows."""

    macro_f1: float
    confusion: list[list[int]]
    rows: int


def score(truth: Sequence[int], answers: npt.NDArray[np.int64], labels: int) -> Score:
    """How well `answers` match `truth` (label numbers)."""
    every = list(range(labels))
    return Score(
        macro_f1=float(f1_score(truth, answers, average="macro", labels=every, zero_division=0)),
        confusion=confusion_matrix(truth, answers, labels=every).tolist(),
        rows=len(truth),
    )


def replace_companies(text: str) -> str:
    """A simple replacement from a short list of names and legal forms; the gateway's own is far better."""
    text = _FORM_PATTERN.sub(lambda m: COMPANY + " " * m[0].endswith(" "), text)
    return _NAME_PATTERN.sub(COMPANY, text)


def read_natural(path: Path) -> list[Row]:
    """Sentences people wrote, for evaluation alone; empty when the file is not there."""
    if not path.exists():
        return []
    records = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    return [Row(replace_companies(record["text"]), record["label"]) for record in records]


def train_baseline(texts: Sequence[str], labels: Sequence[int]) -> Pipeline:
    """TF-IDF of words and word pairs, and logistic regression, on the very rows the network is trained on."""
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, token_pattern=r"\w+|\[COMPANY\]")
    return make_pipeline(words, LogisticRegression(max_iter=300, C=3.0)).fit(list(texts), list(labels))
