"""Golden sentences: held-out sentences the model answers surely; a revision that fails them is not served."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizer

from grammar import Row
from network import encode, logits
from specs import CATALOGUE, Spec

MARGIN = 0.3
WANTED = 12


def choose(
    rows: Sequence[Row], spec: Spec, network: PreTrainedModel, tokenizer: PreTrainedTokenizer
) -> list[Row]:
    """At most WANTED held-out sentences answered rightly by more than MARGIN, at least one a label.

    Raises RuntimeError when a label has none: such a model is not good enough to be shown.
    """
    ids = [label["id"] for label in spec.labels]
    scores = logits(network, encode(tokenizer, [row.text for row in rows]), tokenizer.pad_token_id)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    a_label = -(-WANTED // len(ids))
    taken: Counter[str] = Counter()
    chosen: list[Row] = []
    order = np.argsort(-shares.max(axis=1), kind="stable")
    for at in order:
        row, best, second = rows[at], *np.sort(shares[at])[:-3:-1]
        right = ids[int(shares[at].argmax())] == row.label
        sure = best - second > MARGIN and len(row.text) < 160
        if right and sure and taken[row.label] < a_label:
            chosen.append(row)
            taken[row.label] += 1
    if missing := [label for label in ids if not taken[label]]:
        raise RuntimeError(f"{spec.name}: no golden sentence for {', '.join(missing)}")
    return sorted(chosen, key=lambda row: ids.index(row.label))


def write_golden(spec: Spec, rows: Sequence[Row]) -> None:
    """Put the sentences into the catalogue and leave every other line as it is."""
    lines = "".join(
        f"\n      - {{text: {json.dumps(row.text, ensure_ascii=False)}, label: {row.label}}}" for row in rows
    )
    text = CATALOGUE.read_text("utf-8")
    before = rf"  - name: {re.escape(spec.name)}\n(?:(?!  - name:).*\n)*?    goldenSentences:"
    entry = re.compile(rf"({before})(?: \[\]|(?:\n      - .*)*)")
    text, count = entry.subn(lambda m: m[1] + lines, text)
    if count != 1:
        raise RuntimeError(f"{CATALOGUE.name}: no goldenSentences of {spec.name}")
    CATALOGUE.write_text(text, "utf-8")
