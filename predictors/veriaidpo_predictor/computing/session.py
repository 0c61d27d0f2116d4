"""The engine: one ONNX Runtime session a model, on the CPU."""

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# The official builds (1.29 and later) tell Microsoft of every model they load, and keep a file about it,
# unless they find this when they are loaded. A process that sees people's texts reports to nobody.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime  # type: ignore[import-untyped]

from veriaidpo_predictor.computing import cpu, graph_check
from veriaidpo_predictor.computing.batching import Logits
from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.fusing import library
from veriaidpo_predictor.computing.padding import padded, scores
from veriaidpo_predictor.computing.unusable import UnusableError

MODEL_FILE = "onnx/model.onnx"
_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}
_SLOWER_FUSED = "SkipLayerNormFusion"
"""Its kernel for the CPU takes five times as long as an addition and a layer norm after it."""
_SLOWER_FUSED_WITH_AVX512 = "BiasGeluFusion"
"""GELU alone has a kernel for AVX-512, which with an addition before it takes three quarters of the time."""


class SessionError(UnusableError):
    """A graph that cannot be served; the message is one sentence."""


class Session:
    """Computes logits for rows of ids. Safe to call from several threads at once.

    `per_token`: the graph scores each token, not the text as a whole. The session has as many threads as
    there are `cores`. `is_fused`: it computes with this product's own operators.
    """

    is_fused = False

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        *,
        labels: int,
        pad_id: int,
        per_token: bool,
        cores: Cores,
    ) -> None:
        self._session = session
        self._cores = cores
        self._inputs = [one.name for one in session.get_inputs()]
        self._output = session.get_outputs()[0].name
        self._labels = labels
        self._pad_id = pad_id
        self._per_token = per_token
        self._check()

    def __call__(self, rows: Sequence[Sequence[int]]) -> Logits | list[Logits]:
        """Rows of token ids, of any lengths, to logits of shape [rows, labels].

        With `per_token` to one array of shape [tokens of the row, labels] for each row.
        """
        found = np.asarray(self.values([self._output], rows)[0], dtype=np.float32)
        return scores(found, rows, labels=self._labels, per_token=self._per_token)

    def values(self, names: list[str], rows: Sequence[Sequence[int]]) -> list[npt.NDArray[np.float32]]:
        """Give outputs of the graph as they are, for rows of token ids padded to the longest."""
        ids, mask = padded(rows, self._pad_id)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        given = {name: feeds[name] for name in self._inputs}
        with self._cores.taken() as has_all:
            if has_all or self._cores.count == 1:
                found: list[npt.NDArray[np.float32]] = self._session.run(names, given)
                return found
            return self._aside(names, given)

    def _aside(self, names: list[str], given: dict[str, Any]) -> list[npt.NDArray[np.float32]]:
        """Run on one of the session's own threads, which then helps no other run; wait for it here."""
        over = threading.Event()
        ended: list[tuple[list[npt.NDArray[np.float32]], str]] = []

        def keep(found: list[npt.NDArray[np.float32]], _data: None, error: str) -> None:
            ended.append((found, error))
            over.set()

        self._session.run_async(names, given, keep, None)
        over.wait()
        found, error = ended[0]
        if error:
            raise SessionError("onnxruntime could not compute a batch.")
        return found

    def _check(self) -> None:
        if "input_ids" not in self._inputs or not set(self._inputs) <= _INPUTS:
            raise SessionError(
                "The graph asks for other inputs than input_ids, attention_mask, token_type_ids."
            )
        shape = self._session.get_outputs()[0].shape
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
) -> Session:
    """Load the graph of a verified revision directory; raises SessionError. Without `cores` it has one.

    `is_narrow`: sums of two int8 products fit into 16 bits, so that the fast kernels of a processor without
    VNNI are exact. Any other graph is computed by slower ones there, with a copy of its int8 weights. Where
    nothing is cut off in the first place the fast kernels are taken.
    """
    cores = cores or Cores(1)
    try:
        graph_check.check(directory / graph)
    except graph_check.HostileGraphError as error:
        raise SessionError(f"{graph} is not opened: {error}.") from error
    how = _How(directory / graph, cores, is_narrow)
    fused = library.opened(how.graph, how.opened)
    try:
        session = fused or how.opened()
    except Exception as error:  # onnxruntime raises a dozen types of its own, none with a common parent
        raise SessionError(f"onnxruntime cannot load {graph} ({type(error).__name__}).") from error
    pad_id = _pad_id(directory / "config.json")
    found = Session(session, labels=labels, pad_id=pad_id, per_token=per_token, cores=cores)
    found.is_fused = fused is not None
    return found


@dataclass(frozen=True, slots=True)
class _How:
    """How a graph is opened: as it lies there, or the bytes that another was made of, with a library."""

    graph: Path
    cores: Cores
    is_narrow: bool

    def opened(self, model: bytes | None = None, kernels: Path | None = None) -> onnxruntime.InferenceSession:
        asked = options(self.cores, is_narrow=self.is_narrow)
        if kernels is not None:
            asked.register_custom_ops_library(str(kernels))
            folder = str(self.graph.parent)  # whose matrices are mapped, as those of a file are
            asked.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
        return onnxruntime.InferenceSession(
            str(self.graph) if model is None else model, sess_options=asked,
            providers=["CPUExecutionProvider"], disabled_optimizers=slower_fused(cpu.this()),
        )  # fmt: skip


def options(cores: Cores, *, is_narrow: bool) -> onnxruntime.SessionOptions:
    """Give what a session is loaded with; `is_narrow` as in `load`."""
    found = onnxruntime.SessionOptions()
    found.intra_op_num_threads, found.inter_op_num_threads = cores.count, 1
    # What spins burns the core that another run, HTTP or the tokenizer could have.
    found.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    found.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Asked for this, ONNX Runtime takes every x86 processor for one that cuts sums off, VNNI and AMX or not,
    # and the products that it then computes use neither: an eighth of the speed.
    is_cut_off = cpu.saturates(cpu.this()) and not is_narrow
    found.add_session_config_entry("session.x64quantprecision", "1" if is_cut_off else "0")
    # An arena keeps the largest batch ever seen; eleven models have to fit side by side.
    found.enable_cpu_mem_arena = found.enable_mem_pattern = False
    found.log_severity_level = 3
    return found


def slower_fused(cpu_class: str) -> list[str]:
    """Name the fusions of ONNX Runtime that cost time on such a processor; they change no answer."""
    has_avx512 = "avx512" in cpu_class.split("-")
    return [_SLOWER_FUSED, *([_SLOWER_FUSED_WITH_AVX512] if has_avx512 else [])]


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
