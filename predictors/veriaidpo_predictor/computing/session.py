"""The engine: one ONNX Runtime session a model, on the CPU."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from veriaidpo_predictor.computing import graph_check
from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.graph import Graph, RunError, Values
from veriaidpo_predictor.computing.network import Logits
from veriaidpo_predictor.computing.opening import Opening
from veriaidpo_predictor.computing.padding import padded, scores
from veriaidpo_predictor.computing.unusable import UnusableError

MODEL_FILE = "onnx/model.onnx"
_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


class SessionError(UnusableError):
    """A graph that cannot be served; the message is one sentence."""


class Session:
    """Computes logits for rows of ids. Safe to call from several threads at once.

    `per_token`: the graph scores each token, not the text as a whole.
    """

    def __init__(self, graph: Graph, *, labels: int, pad_id: int, per_token: bool) -> None:
        self._graph = graph
        self._inputs = graph.inputs
        self._output, shape = graph.output
        self._labels = labels
        self._pad_id = pad_id
        self._per_token = per_token
        self._check(shape)

    @property
    def is_fused(self) -> bool:
        """Whether it computes with this product's own operators."""
        return self._graph.is_fused

    def __call__(self, rows: Sequence[Sequence[int]]) -> Logits | list[Logits]:
        """Rows of token ids, of any lengths, to logits of shape [rows, labels].

        With `per_token` to one array of shape [tokens of the row, labels] for each row.
        """
        found = np.asarray(self.values([self._output], rows)[0], dtype=np.float32)
        return scores(found, rows, labels=self._labels, per_token=self._per_token)

    def values(self, names: list[str], rows: Sequence[Sequence[int]]) -> Values:
        """Give outputs of the graph as they are, for rows of token ids padded to the longest."""
        ids, mask = padded(rows, self._pad_id)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        try:
            return self._graph.run(names, {name: feeds[name] for name in self._inputs})
        except RunError as error:
            raise SessionError("onnxruntime could not compute a batch.") from error

    def _check(self, shape: Sequence[int | str | None]) -> None:
        if "input_ids" not in self._inputs or not set(self._inputs) <= _INPUTS:
            raise SessionError(
                "The graph asks for other inputs than input_ids, attention_mask, token_type_ids."
            )
        known = isinstance(shape[-1], int) if shape else False
        if len(shape) != (3 if self._per_token else 2) or (known and shape[-1] != self._labels):
            what = "tag of the manifest for each token" if self._per_token else "label of the manifest"
            raise SessionError(f"The graph's first output is not one score for each {what}.")


def load(
    directory: Path,
    *,
    labels: int,
    per_token: bool = False,
    graph: str = MODEL_FILE,
    cores: Cores | None = None,
    is_narrow: bool = False,
    has_operators: bool = True,
) -> Session:
    """Load the graph of a verified revision directory; raises SessionError. Without `cores` it has one.

    `is_narrow`: sums of two int8 products fit into 16 bits, so that the fast kernels of a processor without
    VNNI are exact. Any other graph is computed by slower ones there, with a copy of its int8 weights. Where
    nothing is cut off in the first place the fast kernels are taken. `has_operators`: with this product's own
    where they fit.
    """
    try:
        graph_check.check(directory / graph)
    except graph_check.HostileGraphError as error:
        raise SessionError(f"{graph} is not opened: {error}.") from error
    opening = Opening(directory / graph, cores or Cores(1), is_narrow)
    try:
        opened = Graph(opening, has_operators=has_operators)
    except Exception as error:  # onnxruntime raises a dozen types of its own, none with a common parent
        raise SessionError(f"onnxruntime cannot load {graph} ({type(error).__name__}).") from error
    pad_id = _pad_id(directory / "config.json")
    return Session(opened, labels=labels, pad_id=pad_id, per_token=per_token)


def softmax(logits: Logits, temperature: float = 1.0) -> Logits:
    """Probabilities of each row; in float64 inside, so that they add up to one."""
    wide = logits.astype(np.float64) / temperature
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def _pad_id(path: Path) -> int:
    """RoBERTa graphs number the positions by what is not padding, so its id matters even under a mask."""
    try:
        found = json.loads(path.read_bytes()).get("pad_token_id")
    except (OSError, ValueError, AttributeError):
        raise SessionError("config.json is missing or is not a JSON object.") from None
    return found if isinstance(found, int) else 0
