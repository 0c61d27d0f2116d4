"""Puts golden sentences into the catalogue; a revision that answers one otherwise is not served."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from specs import CATALOGUE, Spec


def write_golden(spec: Spec, golden: Sequence[Mapping[str, Any]]) -> None:
    """Replace the model's sentences and leave every other line of the catalogue as it is."""
    lines = "".join(f"\n      - {flow(sentence)}" for sentence in golden)
    text = CATALOGUE.read_text("utf-8")
    before = rf"  - name: {re.escape(spec.name)}\n(?:(?!  - name:).*\n)*?    goldenSentences:"
    entry = re.compile(rf"({before})(?: \[\]|(?:\n      - .*)*)")
    text, count = entry.subn(lambda m: m[1] + lines, text)
    if count != 1:
        raise RuntimeError(f"{CATALOGUE.name}: no goldenSentences of {spec.name}")
    CATALOGUE.write_text(text, "utf-8")


def flow(value: object, *, key: str = "") -> str:
    """Write YAML on one line; only a sentence may hold what YAML would read as something else."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(part, key=name)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if key == "text" else str(value)
