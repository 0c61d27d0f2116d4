"""The library of this product's own operators, where there is one, and a graph opened with it.

It is built with the images (predictors/kernels); a machine without a compiler does without, and computes the
same graph with ONNX Runtime's operators alone.
"""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from veriaidpo_predictor.computing.fusing.rewriting import fused

PLACE = Path(sys.prefix) / "lib" / "veriaidpo_kernels.so"
"""Where an environment has it."""
_VARIABLE = "VERIAIDPO_KERNELS"
"""Names another file; empty: none is taken."""
_NODE = b"MatMulIntegerToFloat"
_MOST = 1 << 26
"""Bytes of a graph that is read as a whole: what a conversion writes has its matrices beside it."""
_SIZES = (2, 3), (1, 1), (3, 5)
"""Texts and tokens that a graph is tried with."""
_NO_SUCH = "veriaidpo has no such operator"
"""The words of predictors/kernels for it: of a run aside no code of the error is kept."""
_logger = logging.getLogger("veriaidpo.session")

Open = Callable[[bytes, Path], Any]
"""Opens the bytes of a model with a library; gives an ONNX Runtime session."""


def find() -> Path | None:
    """Give the library of this process."""
    named = os.environ.get(_VARIABLE)
    place = PLACE if named is None else Path(named)
    return place if place.is_file() else None


def opened(graph: Path, open_: Open) -> Any | None:
    """Open a graph with the operators in it and see that it computes; None where that cannot be done.

    What is served must not hang on it: whatever goes wrong is logged, and the graph is opened as it is.
    """
    library = find()
    if library is None or graph.stat().st_size > _MOST:
        return None
    model = graph.read_bytes()
    try:
        rewritten = fused(model) if _NODE in model else None
        if rewritten is None:
            return None
        session = open_(rewritten, library)
        _try(session)
    except Exception as error:  # noqa: BLE001 (ONNX Runtime raises a dozen kinds, none with a common parent)
        cause = type(error).__name__
        _logger.warning("a graph does without the operators of %s (%s: %s)", library, cause, error)
        return None
    return session


def does_not_fit(error: str) -> bool:
    """Tell by what ONNX Runtime says of a run whether an operator was asked for what it is not."""
    return _NO_SUCH in error


def _try(session: Any) -> None:
    """Compute rows of several sizes, some of them padded: shapes that do not go together show."""
    for shape in _SIZES:
        ids = np.zeros(shape, dtype=np.int64)
        mask = np.ones_like(ids)
        mask[0, 1:] = 0
        given = {one.name: mask if "mask" in one.name else ids for one in session.get_inputs()}
        session.run(None, given)
