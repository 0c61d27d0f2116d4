"""How fast this machine multiplies matrices, and what a sentence's products alone would take: a line of JSON.

    engine_limit.py

Runs in the environment peer-engines, on one thread. `layers` are the products of PhoBERT-base's layers for a
sentence of 32 tokens, whose last layer has little more than the first token; `best` is the best rate of these
and of a product of 1,024 each way. GOP/s, a multiplication and an addition being two; milliseconds of CPU
time; the least of many runs.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np  # type: ignore[import-not-found]
import onnxruntime  # type: ignore[import-not-found]
from onnx import TensorProto, helper, numpy_helper  # type: ignore[import-not-found]

TOKENS, WIDTH, INNER, LAYERS = 32, 768, 3_072, 12
LARGE = (1_024, 1_024, 1_024)
_SECONDS = 1.5
"""How long each product is repeated."""

Shape = tuple[int, int, int]
"""Rows, then the weight's two sides."""
SENTENCE: dict[Shape, int] = {
    (TOKENS, WIDTH, WIDTH): 4 * (LAYERS - 1) + 2,
    (TOKENS, WIDTH, INNER): LAYERS - 1,
    (TOKENS, INNER, WIDTH): LAYERS - 1,
    (1, WIDTH, WIDTH): 2,
    (1, WIDTH, INNER): 1,
    (1, INNER, WIDTH): 1,
}


def main() -> None:
    """Measure both kinds of products, and print."""
    print(json.dumps({"fp32": _found(_fp32), "int8": _found(_int8)}))


def _found(made: Callable[[Shape], Callable[[], Any]]) -> dict[str, float]:
    large = _least(made(LARGE))
    sentence = sum(count * _least(made(shape)) for shape, count in SENTENCE.items())
    work = sum(count * _operations(shape) for shape, count in SENTENCE.items())
    best = max(_operations(LARGE) / large, work / sentence)
    return {
        "best_gops": round(best / 1e9, 1),
        "layers_gops": round(work / sentence / 1e9, 1),
        "at_best_ms": round(work / best * 1e3, 1),
        "layers_ms": round(sentence * 1e3, 1),
    }


def _operations(shape: Shape) -> int:
    rows, a, b = shape
    return 2 * rows * a * b


def _least(run: Callable[[], Any]) -> float:
    run()
    least, end = float("inf"), time.monotonic() + _SECONDS
    while time.monotonic() < end:
        used = time.thread_time()
        run()
        least = min(least, time.thread_time() - used)
    return least


def _fp32(shape: Shape) -> Callable[[], Any]:
    rows, a, b = shape
    weight = numpy_helper.from_array(np.ones((a, b), dtype=np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    return _session([node], [weight], TensorProto.FLOAT, np.ones((rows, a), dtype=np.float32))


def _int8(shape: Shape) -> Callable[[], Any]:
    rows, a, b = shape
    constants = [
        numpy_helper.from_array(np.ones((a, b), dtype=np.int8), "w"),
        numpy_helper.from_array(np.float32(1), "unit"),
        numpy_helper.from_array(np.ones(b, dtype=np.float32), "steps"),
        numpy_helper.from_array(np.uint8(128), "zero"),
    ]
    node = helper.make_node(
        "MatMulIntegerToFloat", ["x", "w", "unit", "steps", "zero"], ["y"], domain="com.microsoft"
    )
    return _session([node], constants, TensorProto.UINT8, np.ones((rows, a), dtype=np.uint8))


def _session(nodes: list[Any], constants: list[Any], kind: int, x: Any) -> Callable[[], Any]:
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "product", [info("x", kind, None)], [info("y", TensorProto.FLOAT, None)], constants
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    asked = onnxruntime.SessionOptions()
    asked.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString(),
        asked,
        providers=["CPUExecutionProvider"],
    )
    return lambda: session.run(None, {"x": x})


if __name__ == "__main__":
    main()
