"""What a conversion to int8 writes around its products (converting/int8_graph.py), found again in a graph."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from veriaidpo_predictor.computing.fusing.graph import Graph
from veriaidpo_predictor.computing.fusing.nodes import Attribute, Node

_MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class Levels:
    """A value that becomes levels and a scale for each of its rows."""

    x: str
    multiplier: str
    levels: str
    scale: str
    attributes: dict[str, Attribute]
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Scaled:
    """An integer product with the scale of its rows; `added`, taken off again, and `bias` may be ''.

    `width` is how many values a row of it has.
    """

    product: str
    width: int
    scale: str
    bias: str
    added: str
    nodes: tuple[Node, ...]

    @property
    def out(self) -> str:
        """The value that it all comes to."""
        return self.nodes[-1].outputs[0]


@dataclass(frozen=True)
class Normed:
    """A residual added, and a layer norm of the sum."""

    residual: str
    gain: str
    bias: str
    epsilon: float
    nodes: tuple[Node, Node]


def levels(graph: Graph) -> Iterator[Levels]:
    """Find what becomes levels."""
    for quantise in graph.nodes:
        if quantise.kind == "QuantizeLinear" and len(quantise.inputs) == 3:
            found = _levels(graph, quantise)
            if found is not None:
                yield found


def _levels(graph: Graph, quantise: Node) -> Levels | None:
    divide = graph.maker(quantise.inputs[0], "Div")
    scale = graph.maker(divide.inputs[1], "Max") if divide else None
    largest = graph.maker(scale.inputs[0], "ReduceMax") if scale and len(scale.inputs) == 2 else None
    if divide is None or scale is None or largest is None or not _of_last(graph, largest):
        return None
    even = graph.maker(divide.inputs[0], "Mul")
    absolute = graph.maker(largest.inputs[0], "Abs")
    if even is None or (absolute.inputs[0] if absolute else largest.inputs[0]) != even.outputs[0]:
        return None
    raise_ = None if absolute else graph.maker(even.inputs[0], "Add")
    raised = graph.scalar(raise_.inputs[1]) if raise_ else 0.0
    unit, zero, least = (graph.scalar(name) for name in (*quantise.inputs[1:], scale.inputs[1]))
    if (absolute is None) != bool(raised) or raised is None or unit is None or zero is None:
        return None
    if least is None or least <= 0:
        return None
    chain = tuple(one for one in (raise_, even, absolute, largest, scale, divide, quantise) if one)
    readers = [(even, absolute or largest, divide), (divide, quantise), (largest, scale)]
    readers += [(absolute, largest)] if absolute else []
    readers += [(raise_, even)] if raise_ else []
    inner = all(graph.only(node.outputs[0], *by) for node, *by in readers)
    if not inner or not graph.is_vector(even.inputs[1]):
        return None
    attributes: dict[str, Attribute] = {"raised": raised, "unit": unit, "zero": int(zero), "least": least}
    return Levels(
        chain[0].inputs[0], even.inputs[1], quantise.outputs[0], scale.outputs[0], attributes, chain
    )  # fmt: skip


def _of_last(graph: Graph, node: Node) -> bool:
    """Tell whether something is found of the last axis, which stays with one value."""
    axes = graph.numbers(node.inputs[1]) if len(node.inputs) > 1 else node.attributes.get("axes")
    return axes == [-1] and node.attributes.get("keepdims", 1) == 1


def scaled(graph: Graph, levels: Iterable[Levels]) -> Iterator[Scaled]:
    """Find integer products of such levels."""
    scales = {one.levels: one.scale for one in levels}
    for product in graph.nodes:
        if product.kind != "MatMulIntegerToFloat" or product.domain != _MICROSOFT:
            continue
        scale = scales.get(product.inputs[0])
        multiply = graph.next(product.outputs[0], ["Mul"])
        if scale is None or multiply is None or multiply.inputs != (product.outputs[0], scale):
            continue
        weight = graph.shape(product.inputs[1])
        if weight is None or len(weight) != 2:
            continue
        width, chain, constants = weight[1], [multiply], {}
        for kind in ("Sub", "Add"):
            then = graph.next(chain[-1].outputs[0], [kind])
            other = _other(then, chain[-1].outputs[0]) if then is not None else ""
            if then is not None and graph.is_vector(other, width):
                chain.append(then)
                constants[kind] = other
        bias, added = constants.get("Add", ""), constants.get("Sub", "")
        yield Scaled(product.outputs[0], width, scale, bias, added, tuple(chain))


def _other(node: Node, value: str) -> str:
    """Give what a node adds to a value or takes off it; '' where the value is taken off something."""
    return node.inputs[1] if node.inputs[0] == value else node.inputs[0] if node.kind == "Add" else ""


def activation(graph: Graph, one: Scaled, kinds: Collection[str]) -> Node | None:
    """Find the activation that alone reads a product."""
    found = graph.next(one.out, kinds)
    exact = found is not None and found.attributes.get("approximate", "none") == "none"
    return found if exact else None


def normed(graph: Graph, one: Scaled) -> Normed | None:
    """Find a residual and a norm behind a product."""
    add = graph.next(one.out, ["Add"])
    if add is None or add.inputs[0] == add.inputs[1]:
        return None
    residual = add.inputs[1] if add.inputs[0] == one.out else add.inputs[0]
    norm = graph.next(add.outputs[0], ["LayerNormalization"])
    if norm is None or len(norm.inputs) != 3 or len(norm.outputs) != 1 or graph.shape(residual) is not None:
        return None
    gain, bias = norm.inputs[1:]
    of_last = norm.attributes.get("axis", -1) == -1
    if not of_last or not all(graph.is_vector(name, one.width) for name in (gain, bias)):
        return None
    epsilon = norm.attributes.get("epsilon", 1e-5)
    return Normed(residual, gain, bias, epsilon, (add, norm)) if isinstance(epsilon, float) else None
