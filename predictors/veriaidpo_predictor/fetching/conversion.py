"""The step of a fetch that turns weights into a graph, for a repository that publishes none.

The package onnx is loaded here, when it is needed: `make demo` and the image that serves do without it.
"""

from pathlib import Path

from veriaidpo_predictor import labels
from veriaidpo_predictor.converting import graph_config
from veriaidpo_predictor.fetching.spec import FetchSpec
from veriaidpo_predictor.files import CONFIG, WEIGHTS
from veriaidpo_predictor.manifest import FileEntry
from veriaidpo_predictor.outcome import FetchError, Reason


def check(folder: Path, asked: FetchSpec) -> None:
    """Tell from config.json alone, before the weights are there, whether a graph can be made.

    Raises FetchError(UNSUPPORTED_FORMAT).
    """
    _network(folder, asked)
    try:
        import onnx  # noqa: F401, PLC0415
    except ImportError:
        raise FetchError(
            Reason.UNSUPPORTED_FORMAT,
            "The source has no onnx/model.onnx, and making one needs veriaidpo-predictor[convert].",
        ) from None


def replace(folder: Path, asked: FetchSpec, files: dict[str, FileEntry]) -> dict[str, FileEntry]:
    """Make the graph, and put it into `files` in place of the weights; gives what it was made of."""
    from veriaidpo_predictor.converting import convert  # noqa: PLC0415

    made = convert.convert(folder, _network(folder, asked))
    weights = files.pop(WEIGHTS)
    files.update(made)
    return {WEIGHTS: weights}


def _network(folder: Path, asked: FetchSpec) -> graph_config.Network:
    config = folder / CONFIG
    tags = labels.tags(config, asked.labels, asked.task)
    return graph_config.read(
        config, task=asked.task, labels=len(tags or asked.labels), max_tokens=asked.max_tokens
    )
