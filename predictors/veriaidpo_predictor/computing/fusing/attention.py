"""Attention as converting/graph.py writes it, found again in a graph."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from veriaidpo_predictor.computing.fusing.graph import PLAIN, Graph
from veriaidpo_predictor.computing.fusing.nodes import Node
from veriaidpo_predictor.computing.fusing.patterns import Scaled

_BY_HEAD, _KEYS_BY_HEAD = [0, 2, 1, 3], [0, 2, 3, 1]
"""Axes of [batch, tokens, heads, size], as they are multiplied."""


@dataclass(frozen=True)
class Attention:
    """Queries, keys and values, split among heads, to what each query has seen."""

    query: Scaled
    key: Scaled
    value: Scaled
    mask: str
    heads: int
    factor: float
    nodes: tuple[Node, ...]


def attentions(graph: Graph, scaled: Mapping[str, Scaled]) -> Iterator[Attention]:
    """Find attention as converting/graph.py writes it."""
    for softmax in graph.nodes:
        if softmax.kind == "Softmax" and softmax.domain in PLAIN and softmax.attributes.get("axis") == -1:
            found = _attention(graph, scaled, softmax)
            if found is not None:
                yield found


def _attention(graph: Graph, scaled: Mapping[str, Scaled], softmax: Node) -> Attention | None:
    add = graph.maker(softmax.inputs[0], "Add")
    scores = graph.maker(add.inputs[0], "MatMul") if add else None
    multiply = graph.maker(scores.inputs[0], "Mul") if scores else None
    seen = graph.next(softmax.outputs[0], ["MatMul"])
    joined = graph.next(seen.outputs[0], ["Transpose"]) if seen else None
    out = graph.next(joined.outputs[0], ["Reshape"]) if joined else None
    if add is None or scores is None or multiply is None or seen is None or joined is None or out is None:
        return None
    query = _split(graph, scaled, multiply.inputs[0], _BY_HEAD)
    key = _split(graph, scaled, scores.inputs[1], _KEYS_BY_HEAD)
    value = _split(graph, scaled, seen.inputs[1], _BY_HEAD)
    factor = graph.scalar(multiply.inputs[1])
    if query is None or key is None or value is None or factor is None:
        return None
    heads, whole = query[1], graph.numbers(out.inputs[1])
    alike = heads == key[1] == value[1] and key[0].scale == value[0].scale
    width = heads[0] * heads[1]
    same = width == query[0].width and whole == [0, 0, width] and joined.attributes.get("perm") == _BY_HEAD
    inner = [*query[2], multiply, *key[2], scores, add, softmax, *value[2], seen, joined, out]
    alone = all(graph.is_read_once(node.outputs[0]) for node in inner[:-1])
    if not (alike and same and alone and seen.inputs[0] == softmax.outputs[0]):
        return None
    return Attention(query[0], key[0], value[0], add.inputs[1], heads[0], factor, tuple(inner))


def _split(
    graph: Graph, scaled: Mapping[str, Scaled], value: str, order: list[int]
) -> tuple[Scaled, tuple[int, int], tuple[Node, Node]] | None:
    """Find the product that a value is, split among heads; gives it, and the number and size of the heads."""
    turned = graph.maker(value, "Transpose")
    split = graph.maker(turned.inputs[0], "Reshape") if turned else None
    if turned is None or split is None or turned.attributes.get("perm") != order:
        return None
    shape, found = graph.numbers(split.inputs[1]), scaled.get(split.inputs[0])
    fits = shape is not None and len(shape) == 4 and shape[:2] == [0, 0]
    if shape is None or found is None or not fits or not found.bias or found.added:
        return None
    return (found, (shape[2], shape[3]), (split, turned)) if graph.only(found.out, split) else None
