"""Weights of an encoder of any size, without torch: names, shapes, and the head of their file."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Shapes = dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Size:
    """How large the network is; `types` are the kinds of segments it knows."""

    width: int
    inner: int
    layers: int
    words: int
    positions: int
    types: int


def tensors(family: str, size: Size, head: Mapping[str, tuple[int, int]]) -> Shapes:
    """Name each tensor of a `bert` or `roberta`; `head` has the linear layers behind it as (out, in)."""
    embeddings, width = f"{family}.embeddings.", size.width
    found: Shapes = {
        f"{embeddings}word_embeddings.weight": [size.words, width],
        f"{embeddings}position_embeddings.weight": [size.positions, width],
        f"{embeddings}token_type_embeddings.weight": [size.types, width],
    }
    norms, linear = [f"{embeddings}LayerNorm"], dict(head)
    for number in range(size.layers):
        layer = f"{family}.encoder.layer.{number}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            linear[f"{layer}attention.{name}"] = (width, width)
        linear |= {
            f"{layer}intermediate.dense": (size.inner, width),
            f"{layer}output.dense": (width, size.inner),
        }
        norms += [f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"]
    for name, (out_of, into) in linear.items():
        found |= {f"{name}.weight": [out_of, into], f"{name}.bias": [out_of]}
    for name in norms:
        found |= {f"{name}.weight": [width], f"{name}.bias": [width]}
    return found


def head_of(shapes: Shapes) -> tuple[bytes, int]:
    """Give what stands before the tensors in a model.safetensors of float32, and how many bytes they take."""
    # transformers opens no file that does not say by which library its tensors are meant.
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    size = 0
    for name, shape in shapes.items():
        end = size + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [size, end]}
        size = end
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head, size
