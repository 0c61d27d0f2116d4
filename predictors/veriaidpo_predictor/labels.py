"""Whether a model's own labels are those that are expected of it: with others it must not be served."""

import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from veriaidpo_predictor.golden import Label, Task, bio
from veriaidpo_predictor.outcome import FetchError, Reason

_GENERIC = re.compile(r"LABEL_\d+")


def check(config: Path, expected: Sequence[Label], task: Task = "text-classification") -> list[str]:
    """Compare `id2label` of a config.json with the expected labels, in order; gives warnings.

    A name may be the label's id or its English or Vietnamese name. Of a model that finds spans they are the
    tags over the labels, in any order. Raises FetchError(LABELS_MISMATCH).
    """
    if tags(config, expected, task) is not None:
        return []
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


def tags(config: Path, expected: Sequence[Label], task: Task) -> tuple[str, ...] | None:
    """Give what the numbers of a model that finds spans mean: `O`, `B-<id>` and `I-<id>`, in its own order.

    None for a model that finds none.
    Raises FetchError(LABELS_MISMATCH). Generic names are not let through here: the order is the model's own,
    so nothing else tells a beginning from an inside, or a person from a company.
    """
    if task != "token-classification":
        return None
    found = _names(config)
    if any(_GENERIC.fullmatch(name) for name in found):
        raise FetchError(
            Reason.LABELS_MISMATCH,
            "The model's tags have generic names, so nobody can tell which of them begins a span.",
        )
    given = tuple(_tag(number, name, expected) for number, name in enumerate(found))
    missing = [tag for tag in bio(expected) if tag not in given]
    if missing:
        raise FetchError(Reason.LABELS_MISMATCH, f"The model has no tag {missing[0]}.")
    if len(set(given)) != len(given):
        raise FetchError(Reason.LABELS_MISMATCH, "Two of the model's tags mean the same.")
    return given


def _tag(number: int, name: str, expected: Sequence[Label]) -> str:
    if _plain(name) == "o":
        return "O"
    position, _, kind = name.strip().upper().partition("-")
    for label in expected:
        if position in {"B", "I"} and _plain(kind) in {_plain(label.id), _plain(label.en), _plain(label.vi)}:
            return f"{position}-{label.id}"
    raise FetchError(
        Reason.LABELS_MISMATCH,
        f"Tag {number} of the model is '{name[:80]}', neither O nor B- or I- of an expected label.",
    )


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
