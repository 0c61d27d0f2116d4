"""Graphs that hold what a conversion writes, or nearly, among what it never would.

Built by others, or to deceive. Each takes token ids and a mask; its table says what becomes of the operators.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from .int8_layers import Network, Shape, attention

INPUTS = {"input_ids": TensorProto.INT64, "attention_mask": TensorProto.INT64}
WORDS = 50
Build = Callable[[Network], list[str]]
"""Fills a network; gives the names of its outputs."""


def embedded(network: Network, width: int) -> str:
    return network.op("Gather", network.random(WORDS, width), "input_ids")


def one_layer(**how: Any) -> Build:
    return lambda network: [network.layer(embedded(network, 8), 8, 6, **how)]


def shown(kind: str) -> Build:
    """A layer, and what a node within it gives, too."""
    return lambda network: [network.layer(embedded(network, 8), 8, 6), network.out(kind)]


def summed(other: Callable[[Network, str], str]) -> Build:
    """A layer and something else of the same value, added and normed."""

    def build(network: Network) -> list[str]:
        x = embedded(network, 8)
        return [network.norm(network.op("Add", network.layer(x, 8, 8), other(network, x)), 8)]

    return build


def mask(network: Network, hidden: float = -1e9) -> str:
    """[batch, tokens], 0 for what is seen."""
    is_seen = network.op("Cast", "attention_mask", to=TensorProto.BOOL)
    return network.op("Where", is_seen, network.number(0), network.number(hidden))


def by_key(network: Network, hidden: float = -1e9) -> str:
    """The usual one, [batch, 1, 1, keys]."""
    return network.op("Reshape", mask(network, hidden), network.constant(np.array([0, 1, 1, -1])))


def wide(*axes: int) -> Callable[[Network], str]:
    return lambda network: network.op("Unsqueeze", mask(network), network.constant(np.array(axes)))


def attending(
    hide: Callable[[Network], str] = by_key, *, heads: int = 2, size: int = 8,
    query: Callable[[Network, str], str] | None = None, value: Callable[[Network, str], str] | None = None,
    depth: int | None = None, **how: Any,
) -> Build:  # fmt: skip
    """Attention; with `depth`, what is made so many nodes before the softmax is an output, too."""

    def build(network: Network) -> list[str]:
        x = embedded(network, heads * size)
        others = [make(network, x) if make else None for make in (query, value)]
        out = attention(
            network, x, hide(network), count=heads, size=size, query=others[0], value=others[1], **how
        )
        if depth is None:
            return [out]
        makers = {node.output[0]: node for node in network.nodes}
        seen = network.out("Softmax")
        for _ in range(depth):
            seen = str(makers[seen].input[0])
        return [out, seen]

    return build


def branching(network: Network) -> list[str]:
    """A branch reads what a node within the layer gives."""
    out = network.layer(embedded(network, 8), 8, 6)
    read = network.out("Div")
    branches = {
        name: helper.make_graph(
            [helper.make_node("Identity", [read], [name])], name, [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        )
        for name in ("then_branch", "else_branch")
    }  # fmt: skip
    return [out, network.op("If", network.constant(np.array(True)), **branches)]


def twice_levelled(network: Network) -> list[str]:
    """A product without a bias, which is then raised: that is none, either."""
    product = network.product(network.levels(embedded(network, 8), multiplier=(8,)), 8, 6)
    return [network.layer(product, 6, 4, raised=True)]


def of_the_same_levels(network: Network) -> list[str]:
    levels = network.levels(embedded(network, 8), multiplier=(8,))
    layers = [network.op("Add", network.product(levels, 8, 6), network.random(6)) for _ in range(2)]
    return [network.norm(network.op("Add", *layers), 6)]


def of_all_rows(kind: str, axis: int, **how: Any) -> Callable[[Network, str], str]:
    return lambda network, x: network.op(kind, x, network.constant(np.array([axis])), **how)


def first_row(network: Network, x: str) -> str:
    begin, end, axis = (network.constant(np.array([one])) for one in (0, 1, 0))
    return network.op("Slice", x, begin, end, axis)


def fewer_for_some(network: Network, x: str) -> str:
    """All tokens of a value, and the first alone where an id is above 40: no size tells that."""
    largest = network.op("ReduceMax", "input_ids", keepdims=0)
    is_above = network.op("Greater", largest, network.constant(np.array(40)))
    end = network.op(
        "Where", is_above, network.constant(np.array([1])), network.constant(np.array([1 << 30]))
    )
    begin, axis = (network.constant(np.array([one])) for one in (0, 1))
    return network.op("Slice", x, begin, end, axis)


def another(network: Network, x: str) -> str:
    return network.op("Neg", x)


LEFT: Mapping[str, Build] = {
    "a multiplier for each token": one_layer(multiplier=(8, 1)),
    "a multiplier of a rank more": one_layer(multiplier=(1, 8)),
    "a least scale of four dimensions": one_layer(least_shape=(1, 1, 1, 1)),
    "a least scale of nothing": one_layer(least=0.0),
    "a least scale below nothing": one_layer(raised=True, least=-1.0),
    "raised by four dimensions": one_layer(raised=True, by=(1, 1, 1, 1)),
    "the largest of all tokens": one_layer(axis=1),
    "signed levels": one_layer(zero=np.array(0, np.int8)),
    "levels before they are rounded are an output": shown("Div"),
    "the largest of a row is an output": shown("ReduceMax"),
}

_LAYER = Counter(RowQuantise=1, ScaleRows=1)
_APART = Counter(RowQuantise=1, ScaleRows=3)
_WHOLE = Counter(RowQuantise=1, Attend=1)


def _biases(*shapes: Shape) -> dict[str, tuple[Build, Counter[str]]]:
    return {f"a bias of the shape {list(shape)}": (one_layer(bias=shape), _LAYER) for shape in shapes}


FUSED: Mapping[str, tuple[Build, Counter[str]]] = {
    **_biases((), (1,), (1, 6), (1, 1, 6), (1, 1, 1, 6)),
    "what is taken off has a rank more": (one_layer(added=(1, 6)), _LAYER),
    "a least scale of one dimension": (one_layer(least_shape=(1,)), _LAYER),
    "levels of a product without a bias": (twice_levelled, _LAYER + Counter(ActivateAndQuantise=1)),
    "two products of the same levels": (of_the_same_levels, _LAYER + Counter(Normalise=1)),
    "two products": (summed(lambda n, x: n.layer(x, 8, 8)), Counter(RowQuantise=1, Normalise=1)),
    "a product with its scale is an output": (shown("Mul"), _LAYER),
    "a product is an output": (shown("MatMulIntegerToFloat"), Counter(RowQuantise=1)),
    "attention": (attending(), _WHOLE),
    "attention, hidden by the least number": (
        attending(lambda network: by_key(network, float(np.finfo(np.float32).min))), _WHOLE),
    "attention, hidden by infinity": (attending(lambda network: by_key(network, -np.inf)), _WHOLE),
    "attention with heads of 7": (attending(heads=3, size=7), _WHOLE),
    "attention, a factor of one dimension": (attending(factor=(1,)), _WHOLE),
    "attention, a factor for each column": (attending(factor=(8,)), _APART),
    "attention, queries of another value": (attending(query=another), _WHOLE + Counter(RowQuantise=1)),
    "attention, values of another value": (attending(value=another), _APART + Counter(RowQuantise=1)),
    "attention, softmax of queries": (attending(axis=-2), _APART),
    "attention, softmax as it comes": (attending(axis=None), _APART),
    "attention, the mask first": (attending(mask_first=True), _APART),
    **{f"attention, {depth} nodes before the softmax an output": (attending(depth=depth), _APART)
       for depth in range(8)},
}  # fmt: skip

REFUSED: Mapping[str, Build] = {
    "one multiplier for all columns": one_layer(multiplier=(1,)),
    "a bias for each token": one_layer(bias=(6, 1)),
    "something taken off each token": one_layer(added=(6, 1)),
    "a branch reads what is within": branching,
    "a residual that is one row for all": summed(of_all_rows("ReduceMean", 1, keepdims=1)),
    "a residual of a rank more": summed(of_all_rows("Unsqueeze", 0)),
    "a residual of other axes": summed(lambda network, x: network.op("Transpose", x, perm=[1, 0, 2])),
    "queries of one text": attending(query=first_row),
    "a mask of queries and keys": attending(wide(0, 1)),
    "a mask of queries and keys, two dimensions": attending(mask),
    "a mask of queries": attending(wide(1, 3)),
    "a mask of texts for heads": attending(wide(1)),
    "a mask of tokens for heads": attending(wide(2, 3), heads=3),
    "a mask of one text": attending(lambda network: first_row(network, by_key(network))),
    "a mask that is one number": attending(lambda network: network.number(0)),
    "a mask of all queries": attending(
        lambda network: network.op("Add", wide(1, 2)(network), wide(1, 3)(network))
    ),
}
