"""Weights without a graph become a graph: config.json and model.safetensors in, onnx/model.onnx out.

No torch, and nothing of the repository is run. Memory holds one matrix at a time, whatever the model weighs.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from veriaidpo_predictor import graph
from veriaidpo_predictor.graph_config import Network
from veriaidpo_predictor.graph_parts import Parts
from veriaidpo_predictor.graph_weights import Weights
from veriaidpo_predictor.manifest import FileEntry
from veriaidpo_predictor.outcome import FetchError, Reason
from veriaidpo_predictor.selection import GRAPH, GRAPH_DATA, WEIGHTS

_SPARE_BYTES = 16 << 20


def convert(folder: Path, network: Network) -> dict[str, FileEntry]:
    """Write the graph and its file of matrices into a folder that holds the weights, and no graph yet.

    Equal weights and config give equal bytes. Gives what was written. Raises FetchError; for a full volume
    before a byte is written.
    """
    model, parts = graph.build(network, Weights(folder / WEIGHTS), data=Path(GRAPH_DATA).name)
    free = shutil.disk_usage(folder).free
    if parts.size + _SPARE_BYTES > free:
        raise FetchError(
            Reason.OUT_OF_SPACE, f"The volume has {free} bytes free, and the graph needs {parts.size} more."
        )
    (folder / GRAPH).parent.mkdir(exist_ok=True)
    data = _write(folder / GRAPH_DATA, _laid_out(parts))
    return {GRAPH: _write(folder / GRAPH, [model.SerializeToString(deterministic=True)]), GRAPH_DATA: data}


def _laid_out(parts: Parts) -> Iterable[bytes | memoryview]:
    """Give the bytes of the file of matrices, gaps included."""
    at = 0
    for matrix in parts.matrices:
        yield bytes(matrix.offset - at)
        at = matrix.offset
        for block in matrix.blocks():
            yield block.astype("<f4", copy=False).data.cast("B")
            at += block.nbytes


def _write(path: Path, pieces: Iterable[bytes | memoryview]) -> FileEntry:
    """Write a file so that it lasts, and give its digest."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return FileEntry(sha256=digest.hexdigest(), size=size)
