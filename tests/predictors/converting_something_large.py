"""Converts zeros of a size; prints how large its weights are, and the process's peak before and after: bytes.

Run in a process of its own: a peak is never taken back.
"""

import json
import math
import sys
from pathlib import Path

from veriaidpo_predictor import convert, graph_config

WIDTH, LAYERS, INNER, WORDS = 768, 4, 3_072, 40_000


def main(folder: Path) -> None:
    """Write a model of BERT's width into `folder`, and convert it."""
    config = {
        "model_type": "bert", "vocab_size": WORDS, "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
        "num_attention_heads": 12, "intermediate_size": INNER, "max_position_embeddings": 512,
        "type_vocab_size": 2,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    header, size = {}, 0
    for name, shape in shapes().items():
        end = size + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [size, end]}
        size = end
    head = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.truncate(8 + len(head) + size)  # a hole reads as zeros
    network = graph_config.read(folder / "config.json", task="text-classification", labels=3, max_tokens=256)
    before = peak()
    convert.convert(folder, network)
    print(size, before, peak())


def shapes() -> dict[str, list[int]]:
    """Name each tensor of the network."""
    e = "bert.embeddings."
    found = {
        f"{e}word_embeddings.weight": [WORDS, WIDTH],
        f"{e}position_embeddings.weight": [512, WIDTH],
        f"{e}token_type_embeddings.weight": [2, WIDTH],
    }
    norms = [f"{e}LayerNorm"]
    linear = {"bert.pooler.dense": (WIDTH, WIDTH), "classifier": (3, WIDTH)}
    for number in range(LAYERS):
        layer = f"bert.encoder.layer.{number}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            linear[f"{layer}attention.{name}"] = (WIDTH, WIDTH)
        linear |= {f"{layer}intermediate.dense": (INNER, WIDTH), f"{layer}output.dense": (WIDTH, INNER)}
        norms += [f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"]
    for name, (into, out_of) in linear.items():
        found |= {f"{name}.weight": [into, out_of], f"{name}.bias": [into]}
    for name in norms:
        found |= {f"{name}.weight": [WIDTH], f"{name}.bias": [WIDTH]}
    return found


def peak() -> int:
    """Give the process's largest resident size so far, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
