"""The engines that are compared: what each computes with, and on which files.

Graphs lie in the folder of a model, made once by `engine_graphs` (those of our own by the product's fetch).
"""

from dataclasses import dataclass
from pathlib import Path

OURS = "ours"
REFERENCE = "torch"
"""Whose labels the others are held to."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One row of the table; `library` says who loads `file`, `options` how."""

    name: str
    what: str
    library: str
    file: str
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.library not in {"torch", "onnxruntime", "product", "openvino"}:
            raise ValueError(self.library)


ENGINES = (
    Engine(REFERENCE, "torch fp32", "torch", "source"),
    Engine("torch-int8", "torch, int8 dynamic", "torch", "source", ("int8",)),
    Engine("ort", "ONNX Runtime fp32", "onnxruntime", "fp32/model.onnx"),
    Engine("ort-fused", "the same, fused", "onnxruntime", "fused/model.onnx"),
    Engine("ort-dynamic", "ONNX Runtime int8, a scale for a batch", "onnxruntime", "dynamic/model.onnx"),
    Engine("ort-dynamic-fused", "the same, fused", "onnxruntime", "dynamic-fused/model.onnx"),
    Engine("ort-static", "ONNX Runtime int8, static (QDQ)", "onnxruntime", "static/model.onnx"),
    Engine(OURS, "this product's int8: a scale for every token", "product", "int8/model.onnx"),
    Engine("ours-plain", "the same, ONNX Runtime's operators", "product", "int8/model.onnx", ("plain",)),
    Engine("ours-slow-kernels", "the same, exact kernels", "onnxruntime", "int8/model.onnx", ("exact",)),
    Engine("ours-skip-norm", "the same, norms fused", "onnxruntime", "int8/model.onnx", ("fused norms",)),
    Engine("ours-mapped", "the same, weights not packed", "onnxruntime", "int8/model.onnx", ("mapped",)),
    Engine("openvino", "OpenVINO fp32", "openvino", "fp32/model.onnx", ("f32",)),
    Engine("openvino-bf16", "OpenVINO bf16", "openvino", "fp32/model.onnx", ("bf16",)),
    Engine("openvino-nncf", "OpenVINO int8 (NNCF)", "openvino", "nncf/model.xml"),
    Engine("openvino-groups", "OpenVINO int8, dynamic groups", "openvino", "weights/model.xml", ("groups",)),
)  # fmt: skip


def there(folder: Path, flags: set[str]) -> list[Engine]:
    """Return those that this processor can run and whose files are in `folder`."""
    has_bf16 = bool({"avx512_bf16", "amx_bf16"} & flags)
    return [
        one for one in ENGINES if (folder / one.file).exists() and (has_bf16 or "bf16" not in one.options)
    ]
