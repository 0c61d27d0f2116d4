"""Sentences people wrote, for evaluation alone, as the models see them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from grammar import COMPANY, Row

# Stands in for the gateway's normalisation: legal forms with the capitalised words after them, and names.
_FORMS = r"công ty (?:tnhh|cổ phần|cp)|tập đoàn|ngân hàng(?: tmcp)?|ctcp|tổng công ty"
_KINDS = r"(?: (?:một thành viên|mtv|thương mại|dịch vụ|sản xuất))*"
_FORM_PATTERN = re.compile(rf"(?i:\b(?:{_FORMS}){_KINDS}) (?:[A-ZĐÀ-Ỹ][\w&.-]*\s?)+")
_NAMES = Path(__file__).with_name("companies.txt")


def replace_companies(text: str) -> str:
    """Replace company names by [COMPANY]: a few names and legal forms, far less than the gateway knows."""
    lines = _NAMES.read_text("utf-8").splitlines()
    names = "|".join(re.escape(line) for line in lines if not line.startswith("#"))
    text = _FORM_PATTERN.sub(lambda m: COMPANY + " " * m[0].endswith(" "), text)
    return re.sub(rf"(?<!\w)(?:{names})(?!\w)", COMPANY, text, flags=re.IGNORECASE)


def read_natural(path: Path) -> list[Row]:
    """Read sentences people wrote, for evaluation alone."""
    records = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    return [Row(replace_companies(record["text"]), record["label"]) for record in records]
