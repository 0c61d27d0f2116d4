"""Converts zeros of a size; prints how large its weights are, and the process's peak before and after: bytes.

Run in a process of its own, a peak is never taken back, with hack/demo among the paths of modules.
"""

import json
import sys
from pathlib import Path

from encoders import Size, head_of, tensors
from veriaidpo_predictor.converting import convert, graph_config

WIDTH, LAYERS, INNER, WORDS = 768, 4, 3_072, 40_000


def main(folder: Path) -> None:
    """Write a model of BERT's width into `folder`, and convert it."""
    config = {
        "model_type": "bert", "vocab_size": WORDS, "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
        "num_attention_heads": 12, "intermediate_size": INNER, "max_position_embeddings": 512,
        "type_vocab_size": 2,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    shapes = tensors(
        "bert",
        Size(WIDTH, INNER, LAYERS, WORDS, positions=512, types=2),
        {"bert.pooler.dense": (WIDTH, WIDTH), "classifier": (3, WIDTH)},
    )
    head, size = head_of(shapes)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)  # a hole reads as zeros
    network = graph_config.read(folder / "config.json", task="text-classification", labels=3, max_tokens=256)
    before = peak()
    convert.convert(folder, network)
    print(size, before, peak())


def peak() -> int:
    """Give the process's largest resident size so far, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
