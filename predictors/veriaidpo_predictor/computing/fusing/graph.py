"""A graph, looked at from its values: what makes them, what reads them, which never change."""

from collections.abc import Collection
from typing import Final

from veriaidpo_predictor.computing.fusing.nodes import Node, Nodes

PLAIN: Final = ("", "ai.onnx")
"""The names of ONNX's own operators."""


class Graph:
    """A graph, looked at from its values."""

    def __init__(self, held: Nodes) -> None:
        self.nodes = held.nodes
        self._held = held
        self._made_by = {name: node for node in held.nodes for name in node.outputs}
        self._read_by: dict[str, list[Node]] = {}
        for node in held.nodes:
            for name in node.inputs:
                self._read_by.setdefault(name, []).append(node)

    def maker(self, value: str, kind: str, domains: Collection[str] = PLAIN) -> Node | None:
        """Give the node that makes a value, if it is of a kind."""
        node = self._made_by.get(value)
        return node if node is not None and node.kind == kind and node.domain in domains else None

    def readers(self, value: str) -> list[Node]:
        """Give the nodes that read a value, one that reads it twice twice."""
        return self._read_by.get(value, [])

    def only(self, value: str, *readers: Node) -> bool:
        """Tell whether a value is read by these nodes alone."""
        found = sorted(map(id, self.readers(value)))
        return value not in self._held.outputs and found == sorted(map(id, readers))

    def next(self, value: str, kinds: Collection[str]) -> Node | None:
        """Give the one node that reads a value, if it is of one of the kinds."""
        if not self.is_read_once(value):
            return None
        (reader,) = self.readers(value)
        return reader if reader.kind in kinds and reader.domain in PLAIN else None

    def is_read_once(self, value: str) -> bool:
        """Tell whether one node reads a value, and nobody else."""
        return len(self.readers(value)) == 1 and value not in self._held.outputs

    def shape(self, value: str) -> list[int] | None:
        """Give the shape of a value that is the same in every run; None if it is not."""
        return self._held.shape(value)

    def is_vector(self, value: str, width: int | None = None) -> bool:
        """Tell whether a value is a constant list of numbers, of so many if that is said."""
        shape = self.shape(value)
        return shape is not None and len(shape) == 1 and width in {None, shape[0]}

    def scalar(self, value: str) -> float | None:
        """Give a constant of one value, which changes no shape that it is counted with."""
        found = self._held.constant(value)
        return float(found.item()) if found is not None and found.size == 1 and found.ndim <= 1 else None

    def numbers(self, value: str) -> list[int] | None:
        """Give a constant list of whole numbers."""
        found = self._held.constant(value)
        return list(map(int, found.tolist())) if found is not None and found.ndim == 1 else None
