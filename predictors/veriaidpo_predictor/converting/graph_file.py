"""An ONNX graph on disk and its constants, which may lie in the graph or in a file beside it."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from veriaidpo_predictor.converting.matrix_file import MatrixFile

Values = npt.NDArray[Any]

_LARGE_BYTES = 16 << 10


class UnfitGraphError(Exception):
    """A graph that cannot become int8; the message is a sentence without its full stop."""


class GraphFile:
    """A graph; its large constants are mapped, and only read where they are used."""

    def __init__(self, path: Path) -> None:
        """Read the graph without what lies beside it; raises UnfitGraphError."""
        self._folder = path.parent
        try:
            self.model: ModelProto = onnx.load(path, load_external_data=False)
        except DecodeError:
            raise UnfitGraphError("the graph cannot be read") from None
        self.tensors = {one.name: one for one in self.model.graph.initializer}

    @property
    def graph(self) -> GraphProto:
        """The graph itself."""
        return self.model.graph

    @property
    def opset(self) -> int:
        """The version of ONNX's own operators."""
        return max(
            (one.version for one in self.model.opset_import if one.domain in {"", "ai.onnx"}), default=0
        )

    def values(self, name: str) -> Values:
        """Give a constant; a view of the file where it lies in one. Raises UnfitGraphError."""
        tensor = self.tensors[name]
        if tensor.data_location != TensorProto.EXTERNAL:
            return numpy_helper.to_array(tensor)
        said = {entry.key: entry.value for entry in tensor.external_data}
        path = self._folder / said["location"]
        if Path(said["location"]).name != said["location"] or path.is_symlink() or not path.is_file():
            raise UnfitGraphError(f"the constant {name[:80]} lies in a file that the source does not have")
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)).newbyteorder("<")
        offset, count = int(said.get("offset", 0)), math.prod(tensor.dims)
        if offset < 0 or offset + count * dtype.itemsize > path.stat().st_size:
            raise UnfitGraphError(f"the constant {name[:80]} lies outside its file")
        found = np.memmap(path, dtype, "r", offset, (count,))
        return found.reshape(tuple(tensor.dims))

    def users(self) -> dict[str, int]:
        """Count who reads each value, the bodies of loops and branches included."""
        counts: dict[str, int] = {}
        for name in _read(self.graph):
            counts[name] = counts.get(name, 0) + 1
        return counts

    def move_out(
        self, file: MatrixFile, *, without: frozenset[str] = frozenset(), beside: bool = False
    ) -> None:
        """Plan every large constant into `file`, and leave out those that nobody reads any more.

        `beside` leaves those where they are that lie in a file already.
        """
        kept: list[TensorProto] = []
        for name, tensor in self.tensors.items():
            if name in without:
                continue
            if beside and tensor.data_location == TensorProto.EXTERNAL:
                kept.append(tensor)
                continue
            values = self.values(name)
            if values.nbytes < _LARGE_BYTES:
                kept.append(numpy_helper.from_array(np.array(values), name))
            else:
                kept.append(file.add(name, tensor.dims, values.dtype, lambda values=values: iter([values])))  # type: ignore[misc]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)


def _read(graph: GraphProto) -> Iterable[str]:
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for body in [attribute.g, *attribute.graphs]:
                yield from _read(body)
    yield from (one.name for one in graph.output)
