"""Rewrites a graph: linear layers multiply int8, and embeddings of words are int8 rows.

Weights have a scale for each output channel. Activations have one for each token, found while the graph runs:
what else is in the batch changes nothing, and one outlier costs its own token alone.

    x' = x / smooth;  r = max |x'| of the token;  q = uint8(x' / r)
    y  = (q @ weight) * r + bias,  weight = int8(original * smooth)

`smooth` moves outlier channels of the activations, which would use up the whole scale, into the weights
(SmoothQuant with a strength of one half). What the layer computes stays the same; what is rounded does not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from veriaidpo_predictor import linear
from veriaidpo_predictor.graph_file import GraphFile, UnfitGraphError
from veriaidpo_predictor.linear import Linear, Table
from veriaidpo_predictor.matrix_file import MatrixFile

Array = npt.NDArray[np.float32]

_LEVELS = 127
_ZERO = 128
"""Of uint8, so that as many levels are below zero as above."""
_LEAST = np.float32(1e-10)
"""Instead of a range of nothing, which nothing can be divided by."""
_MICROSOFT = "com.microsoft"
_OLDEST = 11
_AXES_ARE_INPUTS = 18
"""The operator set from which on ReduceMax takes its axes as an input."""


def rewrite(file: GraphFile, ranges: Mapping[str, Array], data: MatrixFile, *, unsigned: bool) -> None:
    """Turn the graph into int8 in place, and plan its matrices into `data`.

    `ranges` has the largest magnitude of each channel of what the linear layers read. `unsigned` shifts the
    weights to uint8, which changes nothing in what is computed: see cpu.saturates. Raises UnfitGraphError.
    """
    layers = {one.node.output[0]: one for one in linear.layers(file)}
    tables = {one.node.output[0]: one for one in linear.tables(file)}
    if file.opset < _OLDEST:
        raise UnfitGraphError(f"its operators are of version {file.opset}, and {_OLDEST} is the oldest known")
    made = _Rewriting(file, ranges, data, unsigned=unsigned)
    made.prepare(list(layers.values()))
    for node in list(file.graph.node):
        name = node.output[0]
        if name in layers:
            made.linear(layers[name])
        elif name in tables:
            made.table(tables[name])
        else:
            made.nodes.append(node)
    made.finish()


class _Rewriting:
    def __init__(
        self, file: GraphFile, ranges: Mapping[str, Array], data: MatrixFile, *, unsigned: bool
    ) -> None:
        self.nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._file = file
        self._ranges = ranges
        self._data = data
        self._unsigned = unsigned
        self._readers: dict[str, list[Linear]] = {}
        self._quantised: dict[str, tuple[str, str, Array]] = {}
        self._replaced: set[str] = set()

    def prepare(self, layers: Sequence[Linear]) -> None:
        for one in layers:
            self._readers.setdefault(one.x, []).append(one)
        self._unit = self._constant(np.float32(1 / _LEVELS))
        self._zero = self._constant(np.uint8(_ZERO))
        self._least = self._constant(_LEAST)
        self._last = self._constant(np.array([-1], dtype=np.int64))

    def linear(self, layer: Linear) -> None:
        quantised, scale, smooth = self._input(layer.x)
        weight = self._weight(layer) * smooth[:, np.newaxis]
        steps = np.maximum(np.abs(weight).max(axis=0), _LEAST) / np.float32(_LEVELS)
        whole = np.rint(weight / steps).astype(np.int16)
        held = (whole + _ZERO).astype(np.uint8) if self._unsigned else whole.astype(np.int8)
        name = self._matrix(layer.weight, held)
        zero = [self._zero] if self._unsigned else []
        product = self._op(
            "MatMulIntegerToFloat", quantised, name, self._unit, self._constant(steps), self._zero, *zero,
            domain=_MICROSOFT,
        )  # fmt: skip
        name = layer.node.output[0]
        if layer.bias is None:
            self._op("Mul", product, scale, to=name)
        else:
            self._op("Add", self._op("Mul", product, scale), layer.bias, to=name)

    def table(self, table: Table) -> None:
        rows = np.asarray(self._file.values(table.weight), dtype=np.float32)
        steps = np.maximum(np.abs(rows).max(axis=1, keepdims=True), _LEAST) / np.float32(_LEVELS)
        held = self._matrix(table.weight, np.rint(rows / steps).astype(np.int8))
        found = self._op("Cast", self._op("Gather", held, table.ids), to_type=TensorProto.FLOAT)
        step = self._op("Gather", self._constant(steps), table.ids)
        self._op("Mul", found, step, to=table.node.output[0])

    def finish(self) -> None:
        graph = self._file.graph
        del graph.node[:]
        graph.node.extend(self.nodes)
        read = self._file.users()
        unread = frozenset(name for name in self._replaced if name not in read)
        kept = [one for one in graph.input if one.name not in unread]
        del graph.input[:]
        graph.input.extend(kept)
        self._file.move_out(self._data, without=unread)
        graph.initializer.extend(self._constants)
        if all(one.domain != _MICROSOFT for one in self._file.model.opset_import):
            self._file.model.opset_import.append(helper.make_opsetid(_MICROSOFT, 1))

    def _input(self, x: str) -> tuple[str, str, Array]:
        """Quantise a value, once for all that read it; gives its name, that of its scales, and `smooth`."""
        found = self._quantised.get(x)
        if found is None:
            smooth = self._smooth(x)
            even = self._op("Mul", x, self._constant(np.float32(1) / smooth))
            scale = self._op("Max", self._largest(self._op("Abs", even)), self._least)
            quantised = self._op("QuantizeLinear", self._op("Div", even, scale), self._unit, self._zero)
            found = self._quantised[x] = (quantised, scale, smooth)
        return found

    def _smooth(self, x: str) -> Array:
        """Half of the way from the activations' range to the weights', channel by channel.

        Square roots and quotients alone: every processor gives the same bits.
        """
        weights = np.max([np.abs(self._weight(one)).max(axis=1) for one in self._readers[x]], axis=0)
        least = np.float32(1e-4)
        found: Array = np.sqrt(np.maximum(self._ranges[x], least) / np.maximum(weights, least))
        return found

    def _weight(self, layer: Linear) -> Array:
        """Give a weight as [in, out]."""
        values: Array = np.asarray(self._file.values(layer.weight), dtype=np.float32)
        return values.T if layer.turned else values

    def _largest(self, x: str) -> str:
        if self._file.opset < _AXES_ARE_INPUTS:
            return self._op("ReduceMax", x, axes=[-1], keepdims=1)
        return self._op("ReduceMax", x, self._last, keepdims=1)

    def _matrix(self, weight: str, values: npt.NDArray[Any]) -> str:
        name = self._name("matrix", len(self._constants))
        self._constants.append(self._data.add(name, values.shape, values.dtype, lambda: iter([values])))
        self._replaced.add(weight)
        return name

    def _constant(self, values: npt.NDArray[Any] | np.generic) -> str:
        name = self._name("constant", len(self._constants))
        self._constants.append(
            numpy_helper.from_array(np.ascontiguousarray(values).reshape(np.shape(values)), name)
        )
        return name

    def _op(self, kind: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        name = self._name(kind, len(self.nodes))
        if "to_type" in attributes:
            attributes["to"] = attributes.pop("to_type")
        self.nodes.append(helper.make_node(kind, list(inputs), [to or name], name=name, **attributes))
        return to or name

    @staticmethod
    def _name(kind: str, number: int) -> str:
        return f"int8/{kind}_{number}"
