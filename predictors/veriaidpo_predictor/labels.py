"""Whether a model's own labels are those that are expected of it: with others it must not be served."""

import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from veriaidpo_predictor.manifest import Label
from veriaidpo_predictor.outcome import FetchError, Reason

_GENERIC = re.compile(r"LABEL_\d+")


def check(config: Path, expected: Sequence[Label]) -> list[str]:
    """Compare `id2label` of a config.json with the expected labels, in order; gives warnings.

    A name may be the label's id or its English or Vietnamese name. Raises FetchError(LABELS_MISMATCH).
    """
    found = _names(config)
    if len(found) != len(expected):
        raise FetchError(
            Reason.LABELS_MISMATCH, f"The model has {len(found)} labels and not the expected {len(expected)}."
        )
    if all(_GENERIC.fullmatch(name) for name in found):
        return ["The model's labels have generic names; only their number could be checked."]
    for position, (name, label) in enumerate(zip(found, expected, strict=True)):
        if _plain(name) not in {_plain(label.id), _plain(label.en), _plain(label.vi)}:
            raise FetchError(
                Reason.LABELS_MISMATCH,
                f"Label {position} of the model is '{name[:80]}' and not '{label.en}'.",
            )
    return []


def _names(config: Path) -> list[str]:
    """Give the names in the order of their numbers, which must count up from 0."""
    try:
        body: Any = json.loads(config.read_bytes())
        names = {int(number): str(name) for number, name in body["id2label"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FetchError(Reason.LABELS_MISMATCH, "config.json does not name the model's labels.") from None
    if sorted(names) != list(range(len(names))):
        raise FetchError(Reason.LABELS_MISMATCH, "config.json does not number the labels from 0 on.")
    return [names[number] for number in range(len(names))]


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
