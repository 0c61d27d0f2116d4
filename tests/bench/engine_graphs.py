"""Makes the files that the engines of a comparison load, from one folder with weights.

    engine_graphs.py FOLDER

Runs in the environment peer-engines. FOLDER has source/ (config, weights, tokenizer, texts.json), and the
product's own fp32/ and int8/; what the other engines load is put beside them, unless it is there.
"""

# ruff: noqa: PLC0415 (each library is loaded by whoever needs it)

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np  # type: ignore[import-not-found]
import onnx  # type: ignore[import-not-found]

CALIBRATED = 32
Feed = dict[str, Any]


def main(folder: Path) -> None:
    """Make what is missing."""
    made: dict[str, Callable[[Path, Path], None]] = {
        "exported": _exported, "fused": _fused, "dynamic": _dynamic, "dynamic-fused": _dynamic_fused,
        "static": _static, "nncf": _nncf, "weights": _weights,
    }  # fmt: skip
    for name, make in made.items():
        to = folder / name
        if to.exists():
            continue
        print("making", name, flush=True)
        work = folder / f".{name}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        make(folder, work)
        work.rename(to)


def feeds(folder: Path) -> Iterator[Feed]:
    """Give the ids of a few texts, one by one."""
    from tokenizers import Tokenizer  # type: ignore[import-not-found]

    tokenizer = Tokenizer.from_file(str(folder / "source/tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    for one in json.loads((folder / "source/texts.json").read_text())[:CALIBRATED]:
        ids = np.array([tokenizer.encode(one["text"]).ids], dtype=np.int64)
        yield {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def _exported(folder: Path, to: Path) -> None:
    """Torch's own export, whose patterns the fusing tools know."""
    import torch  # type: ignore[import-not-found]
    import transformers  # type: ignore[import-not-found]

    network = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder / "source", attn_implementation="eager"
    ).eval()
    ids = torch.randint(5, 1_000, (2, 17))
    names = ["input_ids", "attention_mask"]
    network.config.return_dict = False
    torch.onnx.export(
        network, (ids, torch.ones_like(ids)), str(to / "model.onnx"), input_names=names,
        output_names=["logits"], dynamic_axes={name: {0: "batch", 1: "sequence"} for name in names},
        opset_version=17, dynamo=False,
    )  # fmt: skip


def _fused(folder: Path, to: Path) -> None:
    from onnxruntime.transformers import optimizer  # type: ignore[import-not-found]

    config = json.loads((folder / "source/config.json").read_text())
    model = optimizer.optimize_model(
        str(folder / "exported/model.onnx"), model_type="bert", num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"], opt_level=0,
    )  # fmt: skip
    print(model.get_fused_operator_statistics())
    model.save_model_to_file(str(to / "model.onnx"))


def _dynamic(folder: Path, to: Path) -> None:
    _quantised(folder / "exported/model.onnx", to)


def _dynamic_fused(folder: Path, to: Path) -> None:
    _quantised(folder / "fused/model.onnx", to)


def _quantised(graph: Path, to: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-not-found]

    # uint8 weights are what optimum takes for a processor with AVX2, where int8 ones are cut off. The type is
    # that of what comes out of fused operators, which the shape inference does not know.
    quantize_dynamic(
        graph, to / "model.onnx", per_channel=True, weight_type=QuantType.QUInt8,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )  # fmt: skip


def _static(folder: Path, to: Path) -> None:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantType,
        quantize_static,
    )

    class Texts(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = feeds(folder)

        def get_next(self) -> Feed | None:
            return next(self._left, None)

    quantize_static(
        folder / "exported/model.onnx", to / "model.onnx", Texts(), per_channel=True,
        op_types_to_quantize=["MatMul", "Gemm"], activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8, reduce_range=True,
    )  # fmt: skip


def _nncf(folder: Path, to: Path) -> None:
    import nncf  # type: ignore[import-not-found]
    import openvino  # type: ignore[import-not-found]

    model = openvino.Core().read_model(folder / "exported/model.onnx")
    data: Any = nncf.Dataset(list(feeds(folder)))
    made = nncf.quantize(
        model, data, model_type=nncf.ModelType.TRANSFORMER, subset_size=CALIBRATED,
        preset=nncf.QuantizationPreset.MIXED,
    )  # fmt: skip
    openvino.save_model(made, to / "model.xml", compress_to_fp16=False)


def _weights(folder: Path, to: Path) -> None:
    import nncf
    import openvino

    model = openvino.Core().read_model(folder / "exported/model.onnx")
    openvino.save_model(
        nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM), to / "model.xml",
        compress_to_fp16=False,
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
