"""A graph of int8 with its passes over activations put together, for the operators of predictors/kernels.

What a conversion writes is plain ONNX and stays so on its volume. Here, while it is loaded, groups of nodes
that are found to be one of those operators are replaced by it; whatever else there is stays as it is.
"""

from collections.abc import Iterator, Mapping, Sequence

from veriaidpo_predictor.computing.fusing import attention, nodes, patterns
from veriaidpo_predictor.computing.fusing.attention import Attention
from veriaidpo_predictor.computing.fusing.graph import Graph
from veriaidpo_predictor.computing.fusing.nodes import Attribute, Node, Nodes
from veriaidpo_predictor.computing.fusing.patterns import Levels, Normed, Scaled

DOMAIN = "veriaidpo"
_NOTHING: dict[str, Attribute] = {
    "raised": 0.0, "unit": 1.0, "least": 0.0, "epsilon": 0.0, "factor": 1.0,
    "zero": 0, "activation": 0, "heads": 0,
}  # fmt: skip
"""Every operator has every attribute, and reads its own."""
_ACTIVATIONS = {"Gelu": 1, "Relu": 2}


def fused(model: bytes) -> bytes | None:
    """Give the model with the operators in it; None where it has no place for one.

    Raises MalformedError where it is no model.
    """
    held = Nodes(model)
    rewriting = _Rewriting(Graph(held))
    return held.with_nodes(list(rewriting.written()), DOMAIN) if rewriting.made else None


class _Rewriting:
    """Replacements, each at the place of a node behind all that it reads, and before its readers."""

    def __init__(self, graph: Graph) -> None:
        self.made: dict[Node, bytes] = {}
        self._graph = graph
        self._gone: set[Node] = set()
        self._levels = {one.x: one for one in patterns.levels(graph)}
        scaled = {one.out: one for one in patterns.scaled(graph, self._levels.values())}
        for found in attention.attentions(graph, scaled):
            self._attend(found)
            for part in (found.query, found.key, found.value):
                del scaled[part.out]
        for one in scaled.values():
            self._scale(one)
        for left in self._levels.values():
            self._gone |= set(left.nodes)
            reads, gives = (left.x, left.multiplier), (left.levels, left.scale)
            self._put("RowQuantise", left.nodes[0], reads, gives, left.attributes)

    def written(self) -> Iterator[bytes]:
        """Give the nodes of the graph, in its order."""
        for node in self._graph.nodes:
            if node in self.made:
                yield self.made[node]
            elif node not in self._gone:
                yield node.whole

    def _scale(self, one: Scaled) -> None:
        normed = patterns.normed(self._graph, one)
        if normed is not None and self._gone.isdisjoint(normed.nodes):  # else it is of another product
            self._normalise(one, normed)
            return
        activation = patterns.activation(self._graph, one, _ACTIVATIONS)
        chain = (*one.nodes, activation) if activation else one.nodes
        last, out = chain[-1], chain[-1].outputs[0]
        how: dict[str, Attribute] = {"activation": _ACTIVATIONS[activation.kind] if activation else 0}
        row, constants = (one.product, one.scale), (one.bias, one.added)
        levels = self._only_levels(out)
        self._gone |= {*chain, *(levels.nodes if levels else ())}
        if levels is None:
            self._put("ScaleRows", last, (*row, *constants), (out,), how)
            return
        reads, gives = (*row, levels.multiplier, *constants), (levels.levels, levels.scale)
        self._put("ActivateAndQuantise", last, reads, gives, how | levels.attributes)

    def _normalise(self, one: Scaled, normed: Normed) -> None:
        inputs = (one.product, one.scale, normed.residual, normed.gain, normed.bias)
        chain, constants = (*one.nodes, *normed.nodes), (one.bias, one.added)
        last, out = chain[-1], chain[-1].outputs[0]
        how: dict[str, Attribute] = {"epsilon": normed.epsilon}
        levels = self._levels.pop(out, None)
        self._gone |= {*chain, *(levels.nodes if levels else ())}
        if levels is None:
            self._put("Normalise", last, (*inputs, *constants), (out,), how)
            return
        reads, gives = (*inputs, levels.multiplier, *constants), (out, levels.levels, levels.scale)
        self._put("NormaliseAndQuantise", last, reads, gives, how | levels.attributes)

    def _attend(self, found: Attention) -> None:
        parts = (found.query, found.key, found.value)
        products, biases = [one.product for one in parts], [one.bias for one in parts]
        reads = (*products, found.query.scale, found.key.scale, *biases, found.mask)
        last = found.nodes[-1]
        self._gone |= {*(node for one in parts for node in one.nodes), *found.nodes}
        how: dict[str, Attribute] = {"heads": found.heads, "factor": found.factor}
        self._put("Attend", last, reads, last.outputs, how)

    def _only_levels(self, x: str) -> Levels | None:
        """Give how a value becomes levels, if nothing else is made of it; it is then taken care of."""
        levels = self._levels.get(x)
        if levels is None or not self._graph.only(x, levels.nodes[0]):
            return None
        return self._levels.pop(x)

    def _put(
        self, kind: str, at: Node, reads: Sequence[str], gives: Sequence[str], how: Mapping[str, Attribute]
    ) -> None:
        self.made[at] = nodes.node(kind, DOMAIN, reads, gives, {**_NOTHING, **how})
