"""Graphs that somebody might publish to have a file read, memory filled or code run when they are opened."""

from collections.abc import Callable
from typing import Any

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper

LARGE = 1 << 40


def hostile(sound: bytes) -> dict[str, tuple[bytes, str]]:
    """Return graphs by what is wrong with them, each with a part of what is to be said of it.

    All but the broken ones are the sound graph with one thing more or other.
    """

    def changed(change: Callable[[ModelProto], object]) -> bytes:
        model = onnx.load_from_string(sound)
        change(model)
        return bytes(model.SerializeToString())

    def constant(**fields: Any) -> bytes:
        return changed(lambda model: _answer_with(model, _tensor(**fields)))

    def node(one: NodeProto) -> bytes:
        return changed(lambda model: model.graph.node.append(one))

    outside, lies = "no file of a graph's", "larger or smaller than it is"
    evil = helper.make_node("Run", [], ["x"], domain="evil.ops")
    sparse = AttributeProto(name="v", type=AttributeProto.SPARSE_TENSOR, sparse_tensor=_sparse_tensor())
    return {
        "a constant in a file above": (constant(outside={"location": "../config.json"}), outside),
        "a constant in /etc/passwd": (constant(outside={"location": "/etc/passwd"}), outside),
        "a constant in another file": (constant(outside={"location": "config.json"}), outside),
        "a constant in no file": (constant(outside={"length": "4"}), outside),
        "a constant in a missing file": (constant(outside={"location": "model.onnx_data"}), "does not have"),
        "raw bytes that are too few": (constant(dims=[LARGE], raw=b"1234"), lies),
        "raw bytes that are too many": (constant(dims=[1], raw=bytes(64)), lies),
        "numbers that are missing": (constant(dims=[LARGE]), lies),
        "a negative dimension": (constant(dims=[-1], raw=b"1234"), lies),
        "a product beyond 64 bits": (constant(dims=[1 << 31] * 9, raw=b"1234"), lies),
        "a thousand dimensions": (constant(dims=[1] * 1_000, raw=b"1234"), "1000 dimensions"),
        "an unknown kind of number": (constant(dims=[1], raw=b"1234", kind=99), "that is not known"),
        "sparse constants": (changed(_sparse), "sparse constants"),
        "a sparse constant of an operator": (
            node(NodeProto(op_type="Constant", output=["x"], attribute=[sparse])), "sparse constants",
        ),
        "an operator of its own": (node(evil), "'evil.ops'"),
        "an operator of its own in a branch": (
            node(_branch(helper.make_graph([evil], "branch", [], []))), "'evil.ops'",
        ),
        "branches twenty deep": (node(_branch(_nested(20))), "deep in each other"),
        "functions that double each other": (changed(_functions), "functions of its own"),
        "a part for training": (changed(lambda model: model.training_info.add()), "for training"),
        "a million parts": (sound + b"\x3a\x80\x80\x80\x01" + b"\x22\x00" * (1 << 20), "too many parts"),
        "half a graph": (sound[: len(sound) // 2], "not a whole one"),
        "no graph": (b"\x08\x08", "not a whole one"),
        "JSON": (b'{"graph": {}}', "not a whole one"),
        "a length beyond the end": (b"\x3a" + b"\xff" * 9 + b"\x7f", "not a whole one"),
    }  # fmt: skip


def _tensor(
    *,
    dims: list[int] | None = None,
    raw: bytes | None = None,
    kind: int = TensorProto.FLOAT,
    outside: dict[str, str] | None = None,
) -> TensorProto:
    tensor = TensorProto(name="evil", dims=dims or [1])
    # What protobuf's own enumeration would not take is written as bytes.
    tensor.MergeFromString(bytes([0x10, kind]))
    if raw is not None:
        tensor.raw_data = raw
    if outside is not None:
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in outside.items():
            tensor.external_data.add(key=key, value=value)
    return tensor


def _answer_with(model: ModelProto, tensor: TensorProto) -> None:
    """Have a graph give a constant as a further answer: an engine that opens it reads the constant."""
    model.graph.initializer.append(tensor)
    model.graph.node.append(helper.make_node("Identity", [tensor.name], ["told"]))
    model.graph.output.append(helper.make_tensor_value_info("told", tensor.data_type, list(tensor.dims)))


def _sparse_tensor() -> onnx.SparseTensorProto:
    values = helper.make_tensor("evil", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("at", TensorProto.INT64, [1], [0])
    return helper.make_sparse_tensor(values, indices, [LARGE])


def _sparse(model: ModelProto) -> None:
    model.graph.sparse_initializer.append(_sparse_tensor())


def _branch(graph: GraphProto) -> NodeProto:
    return helper.make_node("If", ["condition"], ["x"], then_branch=graph, else_branch=graph)


def _nested(depth: int) -> GraphProto:
    """Put graphs into each other; protobuf itself reads no more than a hundred messages deep."""
    graph = GraphProto(name="inside")
    for _ in range(depth):
        attribute = AttributeProto(name="body", type=AttributeProto.GRAPH)
        attribute.g.CopyFrom(graph)
        graph = GraphProto(name="around", node=[NodeProto(op_type="Loop", attribute=[attribute])])
    return graph


def _functions(model: ModelProto) -> None:
    """Have each function call the next twice: thirty of them stand for a thousand million operators."""
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("evil", 1)]
    for number in range(30):
        inner = "Identity" if number == 29 else f"F{number + 1}"
        domain = "" if number == 29 else "evil"
        calls = [helper.make_node(inner, [a], [b], domain=domain) for a, b in ("ab", "bc")]
        model.functions.append(helper.make_function("evil", f"F{number}", ["a"], ["c"], calls, opset))
    model.opset_import.append(helper.make_opsetid("evil", 1))
