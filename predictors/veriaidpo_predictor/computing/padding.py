"""Rows of different lengths as one rectangle, and what a network makes of it as rows again."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from veriaidpo_predictor.computing.network import Logits
from veriaidpo_predictor.computing.unusable import UnusableError

Ids = npt.NDArray[np.int64]


def padded(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[Ids, Ids]:
    """Give ids and attention mask, each of shape [rows, tokens of the longest]; the mask is 1 at its text."""
    ids = np.full((len(rows), max(map(len, rows))), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, values in enumerate(rows):
        ids[row, : len(values)] = values
        mask[row, : len(values)] = 1
    return ids, mask


def scores(
    found: Logits, rows: Sequence[Sequence[int]], *, labels: int, per_token: bool
) -> Logits | list[Logits]:
    """Give what was computed for padded rows: [rows, labels], or [its tokens, labels] for each row.

    Raises UnusableError when it is of another shape.
    """
    longest = max(map(len, rows))
    if found.shape != ((len(rows), longest, labels) if per_token else (len(rows), labels)):
        raise UnusableError("The network gives another number of labels than the manifest names.")
    if not per_token:
        return found
    return [one[: len(values)] for one, values in zip(found, rows, strict=True)]
