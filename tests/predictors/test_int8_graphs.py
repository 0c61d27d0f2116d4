"""The int8 graph of a demonstration model: as published by torch, and as made here of weights."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from veriaidpo_predictor import convert, cpu, graph_config, int8, session
from veriaidpo_predictor.graph_file import UnfitGraphError

SIZE = {"principles-vi": 8, "legal-basis-vi": 4}
ROWS = [[0, *range(40, 40 + length), 2] for length in (3, 17, 60)]


def original(source: Path, folder: Path, *, made: bool) -> Path:
    """A demonstration model's folder, with its own graph or with one that is made of its weights."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("onnx") if made else None)
    if made:
        network = graph_config.read(
            folder / "config.json", task="text-classification", labels=SIZE[source.name], max_tokens=256
        )
        convert.convert(folder, network)
    return folder


def converted(folder: Path, cpu_class: str = "x86-64-avx2", name: str = "int8") -> Path:
    (folder / name).mkdir()
    labels = len(json.loads((folder / "config.json").read_bytes())["id2label"])
    int8.convert(folder, folder / name, ROWS, width=labels, per_token=False, cpu_class=cpu_class)
    return folder / name


@pytest.fixture(scope="module", params=[("principles-vi", False), ("legal-basis-vi", True)])
def model(
    request: pytest.FixtureRequest, demo_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    name, made = request.param
    folder = original(demo_models / name, tmp_path_factory.mktemp("int8") / name, made=made)
    converted(folder)
    return folder


def answers(folder: Path, graph: str) -> Callable[[list[list[int]]], Any]:
    labels = len(json.loads((folder / "config.json").read_bytes())["id2label"])
    run = session.load(folder, labels=labels, graph=graph)
    return lambda rows: session.softmax(np.stack(list(run(rows))))


def random_rows(lengths: list[int]) -> list[list[int]]:
    rng = np.random.default_rng(sum(lengths))
    return [[int(one) for one in rng.integers(5, 2_000, length)] for length in lengths]


def test_it_answers_nearly_as_the_original_does(model: Path) -> None:
    rows = random_rows([9, 40, 3, 120, 33])
    before, after = answers(model, session.MODEL_FILE)(rows), answers(model, "int8/model.onnx")(rows)
    assert np.abs(before - after).max() <= 0.02
    assert np.abs(before - after).max() > 0
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()


def test_the_heavy_part_is_int8_and_lies_beside_the_graph(model: Path) -> None:
    graph = onnx.load(model / "int8" / "model.onnx", load_external_data=False).graph
    beside = [one for one in graph.initializer if one.data_location == TensorProto.EXTERNAL]
    assert sum(one.data_type in {TensorProto.INT8, TensorProto.UINT8} for one in beside) == 13
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("MatMulIntegerToFloat") == 12  # six linear layers in each of two layers, no head
    before = sum(path.stat().st_size for path in (model / "onnx").iterdir())
    assert sum(path.stat().st_size for path in (model / "int8").iterdir()) < 0.4 * before


def test_nothing_but_the_original_is_left_beside_it(model: Path) -> None:
    assert {path.name for path in (model / "onnx").iterdir()} <= {"model.onnx", "model.onnx_data"}


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_same_source_gives_the_same_bytes(model: Path) -> None:
    assert digests(converted(model, name="again")) == digests(model / "int8")


def test_where_products_would_not_fit_the_weights_are_unsigned_and_nothing_else_changes(model: Path) -> None:
    assert digests(converted(model, "x86-64-avx2-avx512-vnni", "signed")) != digests(model / "int8")
    rows = random_rows([5, 64])
    unsigned, signed = (answers(model, f"{name}/model.onnx")(rows) for name in ("int8", "signed"))
    assert np.abs(unsigned - signed).max() <= 1e-6


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(1, 90), min_size=2, max_size=9))
def test_a_text_gets_the_same_answer_alone_and_in_any_batch(model: Path, lengths: list[int]) -> None:
    answer = ENGINES.setdefault(model, answers(model, "int8/model.onnx"))
    rows = random_rows(lengths)
    together = answer(rows)
    for row, found in zip(rows, together, strict=True):
        assert np.abs(answer([row])[0] - found).max() <= 1e-3


ENGINES: dict[Path, Callable[[list[list[int]]], Any]] = {}


def test_a_graph_without_linear_layers_is_unfit(
    repository: Callable[..., dict[str, bytes]], tmp_path: Path
) -> None:
    for path, data in repository().items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    with pytest.raises(UnfitGraphError, match="no linear layers"):
        int8.convert(tmp_path, tmp_path, [[1, 2]], width=3, per_token=False, cpu_class="x86-64")


@pytest.mark.parametrize("place", ["../outside", "missing", "/etc/passwd"])
def test_a_constant_outside_the_source_is_not_read(tmp_path: Path, place: str) -> None:
    (tmp_path / "outside").write_bytes(bytes(4 * 64 * 64))
    weight = numpy_helper.from_array(np.zeros((64, 64), dtype=np.float32), "weight")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=place)
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weight"], ["y"]), helper.make_node("Softmax", ["y"], ["logits"])],
        "g", [info("x", TensorProto.FLOAT, [1, 64])], [info("logits", TensorProto.FLOAT, [1, 64])], [weight],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UnfitGraphError):
        int8.convert(tmp_path, tmp_path, [[1, 2]], width=64, per_token=False, cpu_class="x86-64")


@pytest.mark.parametrize(
    ("machine", "flags", "expected", "saturates"),
    [
        ("x86_64", "sse4_2 avx", "x86-64", True),
        ("x86_64", "avx2 fma", "x86-64-avx2", True),
        ("x86_64", "avx2 fma avx_vnni", "x86-64-avx2-avxvnni", False),
        (
            "x86_64", "avx2 fma avx512f avx512bw avx512dq avx512vl avx512_vnni amx_int8",
            "x86-64-avx2-avx512-vnni-amx", False,
        ),
        ("aarch64", "", "aarch64", False),
        ("", "", "unknown", False),
    ],
)  # fmt: skip
def test_classes_of_processors(machine: str, flags: str, expected: str, saturates: bool) -> None:
    assert cpu.class_of(machine, set(flags.split())) == expected
    assert cpu.saturates(expected) is saturates
