"""Weights without a graph become a graph: config.json and model.safetensors in, onnx/model.onnx out.

No torch, and nothing of the repository is run. Memory holds one matrix at a time, whatever the model weighs.
"""

import shutil
from pathlib import Path

from veriaidpo_predictor.converting import graph
from veriaidpo_predictor.converting.graph_config import Network
from veriaidpo_predictor.converting.graph_weights import Weights
from veriaidpo_predictor.converting.matrix_file import write
from veriaidpo_predictor.files import GRAPH, GRAPH_DATA, WEIGHTS
from veriaidpo_predictor.manifest import FileEntry
from veriaidpo_predictor.outcome import FetchError, Reason

_SPARE_BYTES = 16 << 20


def convert(folder: Path, network: Network) -> dict[str, FileEntry]:
    """Write the graph and its file of matrices into a folder that holds the weights, and no graph yet.

    Equal weights and config give equal bytes. Gives what was written. Raises FetchError; for a full volume
    before a byte is written.
    """
    model, parts = graph.build(network, Weights(folder / WEIGHTS), data=Path(GRAPH_DATA).name)
    check_space(folder, parts.file.size)
    (folder / GRAPH).parent.mkdir(exist_ok=True)
    data = parts.file.write((folder / GRAPH_DATA).parent)
    return {GRAPH: write(folder / GRAPH, [model.SerializeToString(deterministic=True)]), GRAPH_DATA: data}


def check_space(folder: Path, size: int) -> None:
    """Raise FetchError(OUT_OF_SPACE) when a graph of so many bytes would not fit onto the volume."""
    free = shutil.disk_usage(folder).free
    if size + _SPARE_BYTES > free:
        raise FetchError(
            Reason.OUT_OF_SPACE, f"The volume has {free} bytes free, and the graph needs {size} more."
        )
