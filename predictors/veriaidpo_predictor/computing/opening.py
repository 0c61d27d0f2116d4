"""How a graph is opened in ONNX Runtime: as it lies on its volume, or with this product's operators in it."""

import os
from dataclasses import dataclass
from pathlib import Path

# The official builds (1.29 and later) tell Microsoft of every model they load, and keep a file about it,
# unless they find this when they are loaded. A process that sees people's texts reports to nobody.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime  # type: ignore[import-untyped]

from veriaidpo_predictor.computing import cpu
from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.fusing import library

_SLOWER_FUSED = "SkipLayerNormFusion"
"""Its kernel for the CPU takes five times as long as an addition and a layer norm after it."""
_SLOWER_FUSED_WITH_AVX512 = "BiasGeluFusion"
"""GELU alone has a kernel for AVX-512, which with an addition before it takes three quarters of the time."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A graph and what it is opened with. `is_narrow`: as in `session.load`."""

    graph: Path
    cores: Cores
    is_narrow: bool

    def plain(self) -> onnxruntime.InferenceSession:
        """Open it as it lies there; raises one of ONNX Runtime's dozen kinds of errors."""
        return self._opened(str(self.graph), options(self.cores, is_narrow=self.is_narrow))

    def fused(self) -> onnxruntime.InferenceSession | None:
        """Open it with the operators; None where it has no place for them, or they do not fit there."""
        return library.opened(self.graph, self._with)

    def _with(self, model: bytes, kernels: Path) -> onnxruntime.InferenceSession:
        asked = options(self.cores, is_narrow=self.is_narrow)
        asked.register_custom_ops_library(str(kernels))
        folder = str(self.graph.parent)  # whose matrices are mapped, as those of a file are
        asked.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
        return self._opened(model, asked)

    @staticmethod
    def _opened(model: str | bytes, asked: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
        return onnxruntime.InferenceSession(
            model, sess_options=asked, providers=["CPUExecutionProvider"],
            disabled_optimizers=slower_fused(cpu.this()),
        )  # fmt: skip


def options(cores: Cores, *, is_narrow: bool) -> onnxruntime.SessionOptions:
    """Give what a session is loaded with; `is_narrow` as in `session.load`."""
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
