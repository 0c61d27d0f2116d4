"""What computes a revision: a graph in ONNX Runtime, or its weights in transformers and torch.

Each is loaded when a revision asks for it: the usual image has no torch.
"""

# ruff: noqa: PLC0415
from pathlib import Path
from typing import Any

from veriaidpo_predictor.computing import cpu
from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.network import Run
from veriaidpo_predictor.computing.tasks import Task
from veriaidpo_predictor.computing.unusable import UnusableError
from veriaidpo_predictor.manifest import INT8_FORMAT, Manifest


def load(
    directory: Path, manifest: Manifest, task: Task[Any], cores: Cores, *, has_operators: bool = True
) -> Run:
    """Load a verified revision into the runtime that it was published for; raises UnusableError.

    `has_operators`: a graph with this product's own where they fit.
    """
    if manifest.runtime == "torch":
        return _torch(directory, task)
    from veriaidpo_predictor.computing import session

    return session.load(
        directory,
        labels=task.width,
        per_token=task.per_token,
        cores=cores,
        # A class is noted wherever int8 was asked for; what the gate left as it was published may be wide.
        is_narrow=manifest.format == INT8_FORMAT and cpu.saturates(manifest.cpu_class),
        has_operators=has_operators,
    )


def _torch(directory: Path, task: Task[Any]) -> Run:
    try:
        from veriaidpo_predictor.computing import torch_network
    except ImportError:
        raise UnusableError(
            "The revision is for the runtime torch, which this image does not have."
        ) from None
    return torch_network.load(directory, labels=task.width, per_token=task.per_token)
