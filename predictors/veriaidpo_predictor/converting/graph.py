"""The fp32 ONNX graph of BERT and RoBERTa (PhoBERT and XLM-RoBERTa are RoBERTa) with a classification head.

Inputs input_ids and attention_mask, int64 [batch, sequence]; output logits, float32 [batch, labels] or, for
token classification, [batch, sequence, labels]. What padding holds changes no other row: its keys are masked.
The numbers are those of the transformers library in evaluation mode.
"""

import math

import numpy as np
from onnx import ModelProto, TensorProto, helper

from veriaidpo_predictor.converting.graph_config import Network
from veriaidpo_predictor.converting.graph_parts import IR, OPSET, Parts
from veriaidpo_predictor.converting.graph_weights import Array, Weights, refused

_MASKED = -1e9  # added to a score: after it, softmax gives exactly 0 in float32


def build(network: Network, weights: Weights, *, data: str) -> tuple[ModelProto, Parts]:
    """Make the graph and the plan of its matrices; raises FetchError, naming the tensor that is wrong."""
    parts = Parts(weights, data=data)
    x = _embeddings(parts, network, weights)
    bias = _attention_bias(parts)
    for number in range(network.layers):
        # A classifier looks at the first token alone, so that is all the last layer has to compute.
        is_last = number == network.layers - 1 and network.task == "text-classification"
        x = _layer(parts, network, number, x, bias, first_only=is_last)
    logits = _head(parts, network, x)
    parts.nodes.append(helper.make_node("Identity", [logits], ["logits"], name="logits"))
    _all_used(parts, network, weights)
    return _model(parts, network), parts


def _embeddings(parts: Parts, network: Network, weights: Weights) -> str:
    name = f"{network.prefix}embeddings."
    word = parts.rows(f"{name}word_embeddings.weight", (network.vocabulary, network.hidden))
    positions, types = f"{name}position_embeddings.weight", f"{name}token_type_embeddings.weight"
    shape = (network.positions, network.hidden)
    weights.expect(positions, shape)
    weights.expect(types, (network.types, network.hidden))
    parts.used |= {positions, types}

    def folded() -> Array:
        """Every token is of type 0 here, so its vector goes into the positions."""
        first: Array = weights.read(types, (network.types, network.hidden))[0]
        return np.add(weights.read(positions, shape), first, dtype=np.float32)

    table = parts.matrix(positions, shape, lambda: iter([folded()]))
    found = parts.op("Gather", word, "input_ids")
    placed = parts.op("Add", found, _positions(parts, network, table))
    return parts.norm(placed, f"{name}LayerNorm", width=network.hidden, epsilon=network.epsilon)


def _positions(parts: Parts, network: Network, table: str) -> str:
    """Give the positions' vectors, [batch or 1, sequence, hidden].

    BERT counts tokens from 0; RoBERTa counts what is not padding, and begins after padding's own id.
    """
    if network.family == "bert":
        length = parts.op("Shape", "input_ids", start=1, end=2)
        return parts.op("Unsqueeze", parts.op("Slice", table, parts.integers(0), length), parts.integers(0))
    is_padding = parts.op("Equal", "input_ids", parts.integers(network.padding))
    real = parts.op("Cast", parts.op("Not", is_padding), to=TensorProto.INT64)
    counted = parts.op("Mul", parts.op("CumSum", real, parts.integers(1)), real)
    return parts.op("Gather", table, parts.op("Add", counted, parts.integers(network.padding)))


def _attention_bias(parts: Parts) -> str:
    """0 where a key may be looked at, [batch, 1, 1, sequence]."""
    wide = parts.op("Unsqueeze", "attention_mask", parts.integers(1, 2))
    missing = parts.op("Sub", parts.scalar(1), parts.op("Cast", wide, to=TensorProto.FLOAT))
    return parts.op("Mul", missing, parts.scalar(_MASKED))


def _layer(parts: Parts, network: Network, number: int, x: str, bias: str, *, first_only: bool) -> str:
    name, width = f"{network.prefix}encoder.layer.{number}.", network.hidden
    asking = parts.op("Slice", x, *(parts.integers(n) for n in (0, 1, 1))) if first_only else x
    seen = _attention(parts, network, f"{name}attention.self.", (asking, x), bias)
    out = parts.dense(seen, f"{name}attention.output.dense", into=width, out_of=width)
    residual = parts.op("Add", out, asking)
    x = parts.norm(residual, f"{name}attention.output.LayerNorm", width=width, epsilon=network.epsilon)
    inner = parts.dense(x, f"{name}intermediate.dense", into=network.intermediate, out_of=width)
    out = parts.dense(
        _activated(parts, network, inner), f"{name}output.dense", into=width, out_of=network.intermediate
    )
    return parts.norm(
        parts.op("Add", out, x), f"{name}output.LayerNorm", width=width, epsilon=network.epsilon
    )


def _attention(parts: Parts, network: Network, name: str, rows: tuple[str, str], bias: str) -> str:
    """Let the first of `rows`, [batch, n, hidden], look at the second; gives [batch, n, hidden]."""
    asking, x = rows
    width, size = network.hidden, network.hidden // network.heads

    def split(source: str, which: str, order: list[int]) -> str:
        made = parts.dense(source, f"{name}{which}", into=width, out_of=width)
        return parts.op(
            "Transpose", parts.op("Reshape", made, parts.integers(0, 0, network.heads, size)), perm=order
        )

    query = parts.op("Mul", split(asking, "query", [0, 2, 1, 3]), parts.scalar(1 / math.sqrt(size)))
    scores = parts.op("Add", parts.op("MatMul", query, split(x, "key", [0, 2, 3, 1])), bias)
    seen = parts.op("MatMul", parts.op("Softmax", scores, axis=-1), split(x, "value", [0, 2, 1, 3]))
    return parts.op(
        "Reshape", parts.op("Transpose", seen, perm=[0, 2, 1, 3]), parts.integers(0, 0, network.hidden)
    )


def _activated(parts: Parts, network: Network, x: str) -> str:
    if network.activation == "relu":
        return parts.op("Relu", x)
    exact = network.activation in {"gelu", "gelu_python"}
    return parts.op("Gelu", x, approximate="none" if exact else "tanh")


def _head(parts: Parts, network: Network, x: str) -> str:
    width, labels = network.hidden, network.labels
    if network.task == "token-classification":
        return parts.dense(x, "classifier", into=labels, out_of=width)
    first = parts.op("Squeeze", x, parts.integers(1))  # of [batch, 1, hidden], which the last layer left
    is_bert = network.family == "bert"
    pooler, classifier = (
        ("bert.pooler.dense", "classifier") if is_bert else ("classifier.dense", "classifier.out_proj")
    )
    pooled = parts.op("Tanh", parts.dense(first, pooler, into=width, out_of=width))
    return parts.dense(pooled, classifier, into=labels, out_of=width)


def _all_used(parts: Parts, network: Network, weights: Weights) -> None:
    """Refuse what the graph leaves out: a config.json of fewer layers would pass for the model otherwise."""
    mine = (f"{network.prefix}embeddings.", f"{network.prefix}encoder.", "classifier.")
    for name in sorted(weights.tensors):
        counted = name.endswith(("position_ids", "token_type_ids"))  # older files keep these counts
        if name.startswith(mine) and not counted and name not in parts.used:
            raise refused(f"the tensor {name} has no place in the network of config.json")


def _model(parts: Parts, network: Network) -> ModelProto:
    info = helper.make_tensor_value_info
    inputs = [
        info(name, TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")
    ]
    tokens = ["sequence"] if network.task == "token-classification" else []
    output = info("logits", TensorProto.FLOAT, ["batch", *tokens, network.labels])
    made = helper.make_graph(parts.nodes, "encoder", inputs, [output], parts.constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
