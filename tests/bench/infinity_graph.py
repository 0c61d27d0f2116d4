"""Makes the graph that Infinity serves best on a CPU: optimum's export, in its int8 for this processor.

    infinity_graph.py FOLDER TO

Runs in the environment peer-infinity. Infinity takes the file whose name has `quantized` in it.
"""

import sys
from pathlib import Path

from optimum.onnxruntime import (  # type: ignore[import-not-found]
    AutoQuantizationConfig,
    ORTModelForSequenceClassification,
    ORTQuantizer,
)
from transformers import AutoTokenizer  # type: ignore[import-not-found]


def main(folder: Path, to: Path) -> None:
    """Export, quantise dynamically by channel, and leave the int8 graph alone in the folder."""
    to.mkdir(parents=True, exist_ok=True)
    model = ORTModelForSequenceClassification.from_pretrained(folder, export=True)
    model.save_pretrained(to)
    AutoTokenizer.from_pretrained(folder).save_pretrained(to)
    flags = set(Path("/proc/cpuinfo").read_text().split())
    kind = AutoQuantizationConfig.avx512_vnni if "avx512_vnni" in flags else AutoQuantizationConfig.avx2
    quantizer = ORTQuantizer.from_pretrained(to, file_name="model.onnx")
    quantizer.quantize(save_dir=to, quantization_config=kind(is_static=False, per_channel=True))
    (to / "model.onnx").unlink()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
