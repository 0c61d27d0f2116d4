"""Graphs of int8 layers and of attention, as a conversion writes them or somebody else might."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from veriaidpo_predictor.computing.fusing.rewriting import DOMAIN

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
X = {"x": TensorProto.FLOAT}


class Network:
    """A graph that grows; each method gives the name of a value, or of several."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, values: Array) -> str:
        self.constants.append(numpy_helper.from_array(values, f"c{len(self.constants)}"))
        return self.constants[-1].name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [f"{kind}{len(self.nodes)}"], **attributes))
        return str(self.nodes[-1].output[0])

    def random(self, *shape: int) -> str:
        return self.constant(self.rng.normal(1, 0.3, shape).astype(np.float32))

    def number(self, value: float, shape: Shape = ()) -> str:
        return self.constant(np.full(shape, value, np.float32))

    def out(self, kind: str) -> str:
        """The value that the last node of a kind gives."""
        return next(str(node.output[0]) for node in reversed(self.nodes) if node.op_type == kind)

    def levels(
        self, x: str, *, multiplier: Shape, raised: bool = False, by: Shape = (), least: float = 1e-10,
        least_shape: Shape = (), axis: int = -1, zero: Array | None = None,
    ) -> tuple[str, str, str, str]:  # fmt: skip
        """The levels of a value, their zero, unit and scale, as converting/int8_graph.py writes them."""
        from_zero = self.op("Add", x, self.number(0.171, by)) if raised else x
        even = self.op("Mul", from_zero, self.random(*multiplier))
        most = self.op("ReduceMax", even if raised else self.op("Abs", even), self.constant(np.array([axis])))
        scale = self.op("Max", most, self.number(least, least_shape))
        unit = self.number(1 / (255 if raised else 127))
        middle = self.constant(np.array(0 if raised else 128, np.uint8) if zero is None else zero)
        return self.op("QuantizeLinear", self.op("Div", even, scale), unit, middle), middle, unit, scale

    def product(self, levels: tuple[str, str, str, str], inner: int, width: int) -> str:
        """Levels times a matrix, with the scale of their rows."""
        of_rows, zero, unit, scale = levels
        weight = self.constant(self.rng.integers(-127, 128, (inner, width)).astype(np.int8))
        steps = self.constant(self.rng.uniform(0.001, 0.01, width).astype(np.float32))
        found = self.op("MatMulIntegerToFloat", of_rows, weight, unit, steps, zero, domain="com.microsoft")
        return self.op("Mul", found, scale)

    def layer(
        self, x: str, inner: int, width: int, *, raised: bool = False, added: Shape | None = None,
        bias: Shape | None = None, multiplier: Shape | None = None, **how: Any,
    ) -> str:  # fmt: skip
        """A product with its bias; `added`, taken off again, is there where it is raised or has a shape."""
        levels = self.levels(x, multiplier=multiplier or (inner,), raised=raised, **how)
        product = self.product(levels, inner, width)
        if raised or added is not None:
            product = self.op("Sub", product, self.random(*(added or (width,))))
        return self.op("Add", product, self.random(*((width,) if bias is None else bias)))

    def norm(self, x: str, width: int) -> str:
        return self.op("LayerNormalization", x, self.random(width), self.random(width), epsilon=1e-5)

    def model(self, *outputs: str, inputs: Mapping[str, int] = X, opset: int = 20) -> bytes:
        kinds = {name: TensorProto.UINT8 if "Quantize" in name else TensorProto.FLOAT for name in outputs}
        made = helper.make_graph(
            self.nodes, "one", [helper.make_tensor_value_info(*one, None) for one in inputs.items()],
            [helper.make_tensor_value_info(name, kinds[name], None) for name in outputs], self.constants,
        )  # fmt: skip
        sets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
        return bytes(helper.make_model(made, opset_imports=sets, ir_version=9).SerializeToString())


def heads(
    network: Network, levels: tuple[str, str, str, str], order: Sequence[int], *, count: int, size: int
) -> str:
    """A product of levels, with its bias, split among heads."""
    width = count * size
    product = network.op("Add", network.product(levels, width, width), network.random(width))
    shape = network.constant(np.array([0, 0, count, size]))
    return network.op("Transpose", network.op("Reshape", product, shape), perm=order)


def attention(
    network: Network, x: str, mask: str, *, count: int = 2, size: int = 8, query: str | None = None,
    value: str | None = None, factor: Shape = (), mask_first: bool = False, axis: int | None = -1,
) -> str:  # fmt: skip
    """Attention as converting/graph.py writes it; queries and values may come from elsewhere than keys."""
    width = count * size
    levels = network.levels(x, multiplier=(width,))
    of = [levels if one is None else network.levels(one, multiplier=(width,)) for one in (query, value)]
    queries = heads(network, of[0], [0, 2, 1, 3], count=count, size=size)
    queries = network.op("Mul", queries, network.number(0.35, factor))
    keys = heads(network, levels, [0, 2, 3, 1], count=count, size=size)
    scores = network.op("MatMul", queries, keys)
    hidden = network.op("Add", *((mask, scores) if mask_first else (scores, mask)))
    weights = network.op("Softmax", hidden, **({} if axis is None else {"axis": axis}))
    seen = network.op("MatMul", weights, heads(network, of[1], [0, 2, 1, 3], count=count, size=size))
    joined = network.op("Transpose", seen, perm=[0, 2, 1, 3])
    return network.op("Reshape", joined, network.constant(np.array([0, 0, width])))


def kinds(model: bytes) -> Counter[str]:
    """How many there are of each operator of this product."""
    return Counter(node.op_type for node in onnx.load_from_string(model).graph.node if node.domain == DOMAIN)
