"""The parts of an ONNX graph that is being made: nodes, small constants, and matrices in a file beside it.

Matrices are only planned here, with their place in the file: the graph is complete, and every tensor checked,
before the first of them is written.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from veriaidpo_predictor.converting.graph_weights import Array, Weights
from veriaidpo_predictor.converting.matrix_file import MatrixFile

OPSET, IR = 20, 9
"""The first operator set with Gelu, and the format version that goes with it."""


class Parts:
    """Collects a graph. Names are numbers in the order of the calls: the same calls give the same bytes."""

    def __init__(self, weights: Weights, *, data: str) -> None:
        """Begin with nothing; `data` is the name of the file of matrices, which lies beside the graph."""
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.file = MatrixFile(data)
        self.used: set[str] = set()
        self._weights = weights

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; gives the output's name."""
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values: npt.NDArray[np.generic]) -> str:
        """Add a constant that lies in the graph itself."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def integers(self, *values: int) -> str:
        """Add a list of integers, as the shapes and axes of operators are."""
        return self.constant(np.array(values, dtype=np.int64))

    def scalar(self, value: float) -> str:
        """Add a single float32."""
        return self.constant(np.array(value, dtype=np.float32))

    def vector(self, name: str, length: int) -> str:
        """Add a tensor of one dimension."""
        self.used.add(name)
        return self.constant(self._weights.read(name, (length,)))

    def rows(self, name: str, shape: tuple[int, int]) -> str:
        """Add a tensor of two dimensions as it is."""
        self.used.add(name)
        self._weights.expect(name, shape)
        return self.matrix(name, shape, lambda: self._weights.blocks(name))

    def dense(self, x: str, name: str, *, into: int, out_of: int) -> str:
        """Add x @ weight.T + bias, a linear layer of torch; its weight is [into, out_of] there."""
        weight = f"{name}.weight"
        self.used.add(weight)
        self._weights.expect(weight, (into, out_of))
        turned = self.matrix(weight, (out_of, into), lambda: iter([self._turned(weight, (into, out_of))]))
        return self.op("Add", self.op("MatMul", x, turned), self.vector(f"{name}.bias", into))

    def norm(self, x: str, name: str, *, width: int, epsilon: float) -> str:
        """Add a layer norm over the last axis."""
        scale, bias = self.vector(f"{name}.weight", width), self.vector(f"{name}.bias", width)
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)

    def matrix(self, name: str, shape: Sequence[int], blocks: Callable[[], Iterator[Array]]) -> str:
        """Plan a matrix of float32 beside the graph; `blocks` is called when it is to be written."""
        self.constants.append(self.file.add(name, shape, np.float32, blocks))
        return name

    def _turned(self, name: str, shape: tuple[int, int]) -> Array:
        return np.ascontiguousarray(self._weights.read(name, shape).T)
