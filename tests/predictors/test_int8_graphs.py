"""The int8 graph of a demonstration model: as published by torch, and as made here of weights."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from veriaidpo_predictor.computing import cpu, opening, session
from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.converting import int8, int8_levels
from veriaidpo_predictor.converting.graph_file import UnfitGraphError
from veriaidpo_predictor.converting.int8_ranges import Range

from .int8_models import converted, original, random_rows


@pytest.fixture(scope="module", params=[("principles-vi", False), ("legal-basis-vi", True)])
def model(
    request: pytest.FixtureRequest, demo_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    name, made = request.param
    folder = original(demo_models / name, tmp_path_factory.mktemp("int8") / name, made=made)
    converted(folder)
    return folder


def answers(folder: Path, graph: str, *, is_narrow: bool = False) -> Callable[[list[list[int]]], Any]:
    labels = len(json.loads((folder / "config.json").read_bytes())["id2label"])
    run = session.load(folder, labels=labels, graph=graph, is_narrow=is_narrow)
    return lambda rows: session.softmax(np.stack(list(run(rows))))


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


def test_what_gelu_gives_begins_at_level_0(model: Path) -> None:
    graph = onnx.load(model / "int8" / "model.onnx", load_external_data=False).graph
    held = {one.name: one for one in graph.initializer}
    zeros = [
        int(numpy_helper.to_array(held[node.input[4]]))
        for node in graph.node
        if node.op_type == "MatMulIntegerToFloat"
    ]
    assert sorted(zeros) == [0] * 2 + [128] * 10  # one layer of six reads it


def test_what_raising_adds_is_what_it_would_be_in_whole_numbers() -> None:
    rng = np.random.default_rng(4)
    held = rng.integers(-127, 128, (64, 5)).astype(np.int8)
    steps, smooth = (rng.uniform(0.1, 2, n).astype(np.float32) for n in (5, 64))
    x = rng.uniform(-0.1, 3, (7, 64))
    weight = held * steps.astype(np.float64)
    raised = np.float32(0.171)
    product = ((x + raised) / smooth) @ weight
    added = int8_levels.added_by_raising(held, steps, smooth, raised)
    assert product - added == pytest.approx((x / smooth) @ weight, abs=1e-4)


def test_only_what_hardly_goes_below_zero_is_raised() -> None:
    assert int8_levels.raised(Range(np.ones(3, dtype=np.float32), lowest=-0.17)) > 0.17
    assert int8_levels.raised(Range(np.ones(3, dtype=np.float32), lowest=-0.18)) == 0


def test_nothing_but_the_original_is_left_beside_it(model: Path) -> None:
    assert {path.name for path in (model / "onnx").iterdir()} <= {"model.onnx", "model.onnx_data"}


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_same_source_gives_the_same_bytes(model: Path) -> None:
    assert digests(converted(model, name="again")) == digests(model / "int8")


def weights(folder: Path) -> Iterator[npt.NDArray[np.int64]]:
    """The int8 matrices of linear layers, [in, out]."""
    graph = onnx.load(folder / "model.onnx").graph
    held = {one.name: one for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "MatMulIntegerToFloat":
            yield numpy_helper.to_array(held[node.input[1]]).astype(np.int64)


def test_where_products_are_added_in_16_bits_no_pair_of_weights_can_exceed_them(model: Path) -> None:
    pairs = [np.abs(one).reshape(len(one) // 2, 2, -1).sum(axis=1).max() for one in weights(model / "int8")]
    assert max(pairs) * 255 < 1 << 15
    assert min(pairs) >= 126  # and no level is given away


def test_elsewhere_weights_use_every_level(model: Path) -> None:
    wide = converted(model, "x86-64-avx2-avx512-vnni", "wide")
    assert all((np.abs(one).max(axis=0) == 127).all() for one in weights(wide))


def test_the_fast_kernels_answer_to_the_bit_as_the_exact_ones_do(model: Path) -> None:
    rows = random_rows([5, 64, 200])
    fast, exact = (answers(model, "int8/model.onnx", is_narrow=narrow)(rows) for narrow in (True, False))
    assert (fast == exact).all()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(1, 90), min_size=2, max_size=9))
def test_a_text_gets_the_same_answer_alone_and_in_any_batch(model: Path, lengths: list[int]) -> None:
    answer = ENGINES.setdefault(model, answers(model, "int8/model.onnx", is_narrow=True))
    rows = random_rows(lengths)
    together = answer(rows)
    for row, found in zip(rows, together, strict=True):
        assert np.abs(answer([row])[0] - found).max() <= 1e-3


ENGINES: dict[Path, Callable[[list[list[int]]], Any]] = {}


def one_product(folder: Path, weight: npt.NDArray[np.int8]) -> session.Session:
    """A session of one product of ids, taken for bytes, and a weight [ids, labels]."""
    info = helper.make_tensor_value_info
    constants = [
        numpy_helper.from_array(weight, "weight"),
        numpy_helper.from_array(np.array(1, dtype=np.float32), "unit"),
        numpy_helper.from_array(np.ones(weight.shape[1], dtype=np.float32), "steps"),
        numpy_helper.from_array(np.array(128, dtype=np.uint8), "zero"),
    ]
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["bytes"], to=TensorProto.UINT8),
        helper.make_node(
            "MatMulIntegerToFloat", ["bytes", "weight", "unit", "steps", "zero"], ["logits"],
            domain="com.microsoft",
        ),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "product", [info("input_ids", TensorProto.INT64, ["n", len(weight)])],
        [info("logits", TensorProto.FLOAT, ["n", weight.shape[1]])], constants,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(
        helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    )
    (folder / "config.json").write_text("{}")
    return session.load(folder, labels=weight.shape[1])


@pytest.mark.parametrize("shape", [(64, 64), (768, 40), (100, 33), (65, 17)])
def test_whatever_kernels_this_processor_has_a_graph_with_all_levels_is_computed_exactly(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    rng = np.random.default_rng(7)
    weight = rng.choice(np.array([-127, -126, 126, 127], dtype=np.int8), shape)
    run = one_product(tmp_path, weight)
    for count in (1, 2, 15, 16, 17, 31, 32, 33, 70):
        rows = rng.choice([0, 1, 254, 255], (count, shape[0]))
        expected = (rows - 128) @ weight.astype(np.int64)
        assert (np.stack(list(run(rows.tolist()))) == expected).all()


@pytest.mark.parametrize(
    ("here", "is_narrow", "slow"),
    [
        ("x86-64-avx2", False, "1"),
        ("x86-64-avx2", True, "0"),
        ("x86-64-avx2-avx512", False, "1"),
        ("x86-64-avx2-avx512-vnni", False, "0"),
        ("x86-64-avx2-avx512-vnni-avxvnni-amx", False, "0"),
        ("x86-64-avx2-avx512-vnni-avxvnni-amx", True, "0"),
        ("aarch64", False, "0"),
    ],
)
def test_the_slow_kernels_are_asked_for_only_where_the_fast_ones_would_cut_sums_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, is_narrow: bool, slow: str
) -> None:
    monkeypatch.setattr(cpu, "this", lambda: here)
    assert (
        opening.options(Cores(1), is_narrow=is_narrow).get_session_config_entry("session.x64quantprecision")
        == slow
    )


@pytest.mark.parametrize(
    ("here", "left_apart"),
    [
        ("x86-64-avx2", ["SkipLayerNormFusion"]),
        ("x86-64-avx2-avxvnni", ["SkipLayerNormFusion"]),
        ("x86-64-avx2-avx512", ["SkipLayerNormFusion", "BiasGeluFusion"]),
        ("x86-64-avx2-avx512-vnni-avxvnni-amx", ["SkipLayerNormFusion", "BiasGeluFusion"]),
        ("aarch64", ["SkipLayerNormFusion"]),
    ],
)
def test_operators_are_fused_only_where_that_is_faster(here: str, left_apart: list[str]) -> None:
    assert opening.slower_fused(here) == left_apart


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
