"""What a level of int8 stands for: pure arithmetic on weights and on the ranges of what they multiply.

Square roots, quotients and sums in a fixed order alone: every processor gives the same bits.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from veriaidpo_predictor.converting.int8_ranges import Range

Array = npt.NDArray[np.float32]

LEVELS = 127
ZERO = 128
"""Of uint8, so that as many levels are below zero as above."""
RAISED_LEVELS = 255
LEAST = np.float32(1e-10)
"""Instead of a range of nothing, which nothing can be divided by."""

_RAISE = np.float32(0.171)
"""GELU never goes further below zero, in either of its forms."""
_LEAST_CHANNEL = np.float32(1e-4)


def raised(seen: Range) -> np.float32:
    """Tell how much a value is raised, so that none of it is below zero; 0 for one that goes far below."""
    return _RAISE if seen.lowest >= -_RAISE else np.float32(0)


def smooth(seen: Range, weights: Sequence[Array], raised: np.float32) -> Array:
    """Half of the way from the activations' range to that of the weights [in, out], channel by channel."""
    largest = np.max([np.abs(one).max(axis=1) for one in weights], axis=0)
    found: Array = np.sqrt(
        np.maximum(seen.largest + raised, _LEAST_CHANNEL) / np.maximum(largest, _LEAST_CHANNEL)
    )
    return found


def steps(weight: Array, *, narrow: bool) -> Array:
    """Give what one level stands for in each output channel of a weight [in, out].

    `narrow` keeps two neighbours of a channel at 128 levels together: times 255 they fit into 16 bits.
    """
    largest = np.abs(weight)
    if narrow:  # Rounding adds one at most, so that the levels of a pair come to 128.
        largest[:-1:2] += largest[1::2]
    found: Array = np.maximum(largest.max(axis=0), LEAST) / np.float32(LEVELS)
    return found


def added_by_raising(held: npt.NDArray[np.int8], steps: Array, smooth: Array, raised: np.float32) -> Array:
    """Give what raising adds to each output channel of a weight that is held in levels [in, out]."""
    by_row = held * (np.float64(raised) / smooth)[:, np.newaxis]
    added: Array = (np.add.reduce(by_row, axis=0) * steps).astype(np.float32)
    return added
