"""What a network is to all that is around it: rows of token ids become scores."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]
Run = Callable[[list[list[int]]], Logits | list[Logits]]
"""Rows of ids to an array of shape [rows, labels], or to one of shape [its tokens, tags] for each row."""
