"""The linear layers and embeddings of a graph: which of its constants are weights that int8 can hold."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from onnx import NodeProto, TensorProto, helper

from veriaidpo_predictor.converting.graph_file import GraphFile

_SMALLEST = 64
"""Of either side of a weight: below it there is nothing to gain."""
_ROWS = 1_024
"""Of a table of embeddings that is worth it: one of words, not one of positions."""
_OF_A_HEAD = {
    "Identity", "Add", "Tanh", "Relu", "Gemm", "MatMul", "Squeeze", "Gather", "Slice", "Reshape", "Flatten",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Linear:
    """A node that multiplies `x` by a constant; `turned` when the constant is [out, in]."""

    node: NodeProto
    x: str
    weight: str
    turned: bool
    bias: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """A node that picks rows of a constant."""

    node: NodeProto
    weight: str
    ids: str


def layers(file: GraphFile) -> list[Linear]:
    """Find the linear layers of the encoder, in order.

    The head behind the last layer norm is left out: it is small, and what it rounds is the answer itself.
    """
    head = set(_head(file))
    found = (_linear(file, node) for node in file.graph.node if node.output[0] not in head)
    return [one for one in found if one is not None]


def tables(file: GraphFile) -> list[Table]:
    """Find the embeddings of words."""
    return [
        Table(node, node.input[0], node.input[1])
        for node in file.graph.node
        if node.op_type == "Gather"
        and not node.domain
        and _is_matrix(file, node.input[0])
        and file.tensors[node.input[0]].dims[0] >= _ROWS
        and all(attribute.i == 0 for attribute in node.attribute)
    ]


def _linear(file: GraphFile, node: NodeProto) -> Linear | None:
    if node.domain or node.op_type not in {"MatMul", "Gemm"} or not _is_matrix(file, node.input[1]):
        return None
    x, weight = node.input[:2]
    if node.op_type == "MatMul":
        return Linear(node, x, weight, turned=False, bias=None)
    given = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    if given.get("transA", 0) or given.get("alpha", 1.0) != 1 or given.get("beta", 1.0) != 1:
        return None
    bias = node.input[2] if len(node.input) > 2 and node.input[2] else None
    return Linear(node, x, weight, turned=bool(given.get("transB", 0)), bias=bias)


def _is_matrix(file: GraphFile, name: str) -> bool:
    tensor = file.tensors.get(name)
    if tensor is None or tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2:
        return False
    return bool(np.min(tensor.dims) >= _SMALLEST)


def _head(file: GraphFile) -> Iterator[str]:
    """Walk from the answer back to the last layer norm; gives the values on the way."""
    makers = {name: node for node in file.graph.node for name in node.output}
    ahead, seen = [one.name for one in file.graph.output], set[str]()
    while ahead:
        name = ahead.pop()
        node = makers.get(name)
        if node is None or name in seen or node.op_type not in _OF_A_HEAD:
            continue
        seen.add(name)
        yield name
        ahead.extend(node.input)
