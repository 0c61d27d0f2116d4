"""Rewrites a graph: linear layers multiply int8, and embeddings of words are int8 rows.

Weights have a scale for each output channel. Activations have one for each token, found while the graph runs:
what else is in the batch changes nothing, and one outlier costs its own token alone.

    x' = x / smooth;  r = max |x'| of the token;  q = uint8(x' / r)
    y  = (q @ weight) * r + bias,  weight = int8(original * smooth)

Where a processor adds up two products of bytes in 16 bits (see cpu.saturates), the steps of a weight are so
wide that no two neighbours are together larger than 128: whatever the activations are, nothing is cut off.

`smooth` moves outlier channels of the activations, which would use up the whole scale, into the weights
(SmoothQuant with a strength of one half). What the layer computes stays the same; what is rounded does not.

What comes out of GELU or RELU lies nearly all above zero, and half of the levels would be unused. Such an x
is raised first, so that it begins at level 0, and what that adds to y, always the same, is taken off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from veriaidpo_predictor.converting import int8_levels, linear
from veriaidpo_predictor.converting.graph_file import GraphFile, UnfitGraphError
from veriaidpo_predictor.converting.int8_levels import LEAST, LEVELS, RAISED_LEVELS, ZERO
from veriaidpo_predictor.converting.int8_ranges import Range
from veriaidpo_predictor.converting.linear import Linear, Table
from veriaidpo_predictor.converting.matrix_file import MatrixFile

Array = npt.NDArray[np.float32]

_MICROSOFT = "com.microsoft"
_OLDEST = 11
_AXES_ARE_INPUTS = 18
"""The operator set from which on ReduceMax takes its axes as an input."""


def rewrite(file: GraphFile, ranges: Mapping[str, Range], data: MatrixFile, *, narrow: bool) -> None:
    """Turn the graph into int8 in place, and plan its matrices into `data`.

    `ranges` has what the linear layers read. `narrow` keeps every sum of two products within 16 bits. Raises
    UnfitGraphError.
    """
    layers = {one.node.output[0]: one for one in linear.layers(file)}
    tables = {one.node.output[0]: one for one in linear.tables(file)}
    if file.opset < _OLDEST:
        raise UnfitGraphError(f"its operators are of version {file.opset}, and {_OLDEST} is the oldest known")
    made = _Rewriting(file, ranges, data, narrow=narrow)
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


@dataclass(frozen=True, slots=True)
class _Quantised:
    """A value as uint8: x = (levels - zero) * unit * scale * smooth - raised; text is a value's name."""

    levels: str
    zero: str
    unit: str
    scale: str
    smooth: Array
    raised: np.float32


class _Rewriting:
    def __init__(
        self, file: GraphFile, ranges: Mapping[str, Range], data: MatrixFile, *, narrow: bool
    ) -> None:
        self.nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._file = file
        self._ranges = ranges
        self._data = data
        self._narrow = narrow
        self._readers: dict[str, list[Linear]] = {}
        self._quantised: dict[str, _Quantised] = {}
        self._replaced: set[str] = set()

    def prepare(self, layers: Sequence[Linear]) -> None:
        for one in layers:
            self._readers.setdefault(one.x, []).append(one)
        self._least = self._constant(LEAST)
        self._last = self._constant(np.array([-1], dtype=np.int64))

    def linear(self, layer: Linear) -> None:
        x = self._input(layer.x)
        weight = self._weight(layer) * x.smooth[:, np.newaxis]
        steps = int8_levels.steps(weight, narrow=self._narrow)
        held = np.rint(weight / steps).astype(np.int8)
        product = self._op(
            "MatMulIntegerToFloat", x.levels, self._matrix(layer.weight, held), x.unit, self._constant(steps),
            x.zero, domain=_MICROSOFT,
        )  # fmt: skip
        then = [("Mul", x.scale)]
        if x.raised:
            added = int8_levels.added_by_raising(held, steps, x.smooth, x.raised)
            then.append(("Sub", self._constant(added)))
        if layer.bias is not None:
            then.append(("Add", layer.bias))
        for kind, other in then[:-1]:
            product = self._op(kind, product, other)
        kind, other = then[-1]
        self._op(kind, product, other, to=layer.node.output[0])

    def table(self, table: Table) -> None:
        rows = np.asarray(self._file.values(table.weight), dtype=np.float32)
        steps = np.maximum(np.abs(rows).max(axis=1, keepdims=True), LEAST) / np.float32(LEVELS)
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

    def _input(self, x: str) -> _Quantised:
        """Quantise a value, once for all that read it."""
        if x not in self._quantised:
            raised = int8_levels.raised(self._ranges[x])
            readers = [self._weight(one) for one in self._readers[x]]
            smooth = int8_levels.smooth(self._ranges[x], readers, raised)
            from_zero = self._op("Add", x, self._constant(raised)) if raised else x
            even = self._op("Mul", from_zero, self._constant(np.float32(1) / smooth))
            scale = self._op("Max", self._largest(even if raised else self._op("Abs", even)), self._least)
            unit = self._constant(np.float32(1 / (RAISED_LEVELS if raised else LEVELS)))
            zero = self._constant(np.uint8(0 if raised else ZERO))
            levels = self._op("QuantizeLinear", self._op("Div", even, scale), unit, zero)
            self._quantised[x] = _Quantised(levels, zero, unit, scale, smooth, raised)
        return self._quantised[x]

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
