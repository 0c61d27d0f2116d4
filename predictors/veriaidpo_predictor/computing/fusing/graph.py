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
        readers = self.readers(value)
        alone = len(readers) == 1 and value not in self._held.outputs
        return readers[0] if alone and readers[0].kind in kinds and readers[0].domain in PLAIN else None

    def is_constant(self, value: str) -> bool:
        """Tell whether a value is the same in every run."""
        return self._held.is_constant(value)

    def scalar(self, value: str) -> float | None:
        """Give a constant of one value, which changes no shape that it is counted with."""
        found = self._held.constant(value)
        return float(found.item()) if found is not None and found.size == 1 and found.ndim <= 1 else None

    def numbers(self, value: str) -> list[int] | None:
        """Give a constant list of whole numbers."""
        found = self._held.constant(value)
        return list(map(int, found.tolist())) if found is not None and found.ndim == 1 else None
