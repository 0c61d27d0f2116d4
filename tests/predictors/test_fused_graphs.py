"""A graph of int8 computed with this product's own operators, beside the same with ONNX Runtime's alone."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from veriaidpo_predictor.computing import session
from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.fusing import library
from veriaidpo_predictor.computing.fusing.rewriting import DOMAIN, fused
from veriaidpo_predictor.computing.protobuf import MalformedError

from .int8_models import SIZE, converted, original, random_rows

REPO = Path(__file__).parents[2]
SETS = ["plain", "avx2", "avx512"]
Array = npt.NDArray[Any]


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, of whatever compiler there is, or of the one that hack/kernels brings."""
    place = tmp_path_factory.mktemp("kernels")
    (place / "lib").mkdir()
    found = {"CXX": "c++"} if shutil.which("c++") else {}
    subprocess.run([str(REPO / "hack/kernels"), str(place)], check=True, env=found | dict(os.environ))
    return place / "lib/veriaidpo_kernels.so"


@pytest.fixture(params=SETS)
def chosen(request: pytest.FixtureRequest, kernels: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library, with one of the instruction sets; where the machine has not that one, with a lesser."""
    monkeypatch.setenv("VERIAIDPO_KERNELS_SET", request.param)
    monkeypatch.setenv("VERIAIDPO_KERNELS", str(kernels))
    return kernels


class Network:
    """A graph of one int8 layer, and what is around it."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, values: Array) -> str:
        self.constants.append(numpy_helper.from_array(values, f"c{len(self.constants)}"))
        return self.constants[-1].name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [f"{kind}{len(self.nodes)}"], **attributes))
        return str(self.nodes[-1].output[0])

    def random(self, *shape: int) -> str:
        return self.constant(self.rng.normal(1, 0.3, shape).astype(np.float32))

    def levels(self, x: str, width: int, *, raised: bool) -> tuple[str, str, str, str]:
        """The levels of a value, their zero, unit and scale, as converting/int8_graph.py writes them."""
        from_zero = self.op("Add", x, self.constant(np.array(0.171, np.float32))) if raised else x
        even = self.op("Mul", from_zero, self.random(width))
        most = self.op("ReduceMax", even if raised else self.op("Abs", even), self.constant(np.array([-1])))
        scale = self.op("Max", most, self.constant(np.array(1e-10, np.float32)))
        unit = self.constant(np.array(1 / (255 if raised else 127), np.float32))
        zero = self.constant(np.array(0 if raised else 128, np.uint8))
        return self.op("QuantizeLinear", self.op("Div", even, scale), unit, zero), zero, unit, scale

    def layer(self, x: str, inner: int, width: int, *, raised: bool = False) -> str:
        levels, zero, unit, scale = self.levels(x, inner, raised=raised)
        weight = self.constant(self.rng.integers(-127, 128, (inner, width)).astype(np.int8))
        steps = self.constant(self.rng.uniform(0.001, 0.01, width).astype(np.float32))
        product = self.op("MatMulIntegerToFloat", levels, weight, unit, steps, zero, domain="com.microsoft")
        product = self.op("Mul", product, scale)
        product = self.op("Sub", product, self.random(width)) if raised else product
        return self.op("Add", product, self.random(width))

    def model(self, *outputs: str) -> bytes:
        kinds = {name: TensorProto.UINT8 if "Quantize" in name else TensorProto.FLOAT for name in outputs}
        made = helper.make_graph(
            self.nodes, "one", [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
            [helper.make_tensor_value_info(name, kinds[name], None) for name in outputs], self.constants,
        )  # fmt: skip
        sets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        return bytes(helper.make_model(made, opset_imports=sets, ir_version=9).SerializeToString())


def kinds(model: bytes) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load_from_string(model).graph.node if node.domain == DOMAIN)


def both(model: bytes, kernels: Path, x: Array, expected: Sequence[str]) -> tuple[list[Array], list[Array]]:
    """What the model gives with ONNX Runtime's operators and with ours, which are these."""
    rewritten = fused(model)
    assert rewritten is not None
    assert kinds(rewritten) == Counter(expected)
    runs = []
    for one in (model, rewritten):
        asked = onnxruntime.SessionOptions()
        asked.log_severity_level, asked.intra_op_num_threads = 3, 2
        asked.register_custom_ops_library(str(kernels))
        runs.append(onnxruntime.InferenceSession(one, asked, providers=["CPUExecutionProvider"]))
    plain, ours = (one.run(None, {"x": x}) for one in runs)
    return plain, ours


def values(*shape: int) -> Array:
    rng = np.random.default_rng(sum(shape))
    return (rng.standard_normal(shape) * rng.uniform(0.1, 9, shape[-1])).astype(np.float32)


def assert_alike_but_for_a_level(plain: Array, ours: Array) -> None:
    """One level in a few thousand may be one more or less, where a millionth decides which."""
    differences = np.abs(plain - ours) / np.abs(plain).max()
    assert differences.max() < 1e-2
    assert differences.mean() < 1e-5


@pytest.mark.parametrize("width", [1, 7, 16, 33, 100, 768])
@pytest.mark.parametrize("raised", [False, True])
def test_levels_are_to_the_bit_those_of_onnx_runtime(chosen: Path, width: int, raised: bool) -> None:
    x = values(5, 400, width)
    x[0, :9] *= np.float32(10.0) ** np.arange(-36, 37, 9, dtype=np.float32)[:, np.newaxis]
    x[1, 0] = 0
    network = Network()
    levels, *_, scale = network.levels("x", width, raised=raised)
    plain, ours = both(network.model(levels, scale), chosen, x, ["RowQuantise"])
    assert (plain[1] == ours[1]).all()
    assert (plain[0] == ours[0]).all()


@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize("unsound", [np.nan, -np.nan, np.inf])
def test_a_row_that_has_no_numbers_keeps_none_and_spoils_no_other(
    chosen: Path, raised: bool, unsound: float
) -> None:
    x = values(6, 40)
    x[2, 17] = unsound
    network = Network()
    layer = network.layer("x", 40, 24, raised=raised)
    plain, ours = both(network.model(layer), chosen, x, ["RowQuantise", "ScaleRows"])
    sound = [0, 1, 3, 4, 5]
    assert ours[0][sound] == pytest.approx(plain[0][sound], abs=1e-5)
    assert not np.isfinite(ours[0][2]).any()


@pytest.mark.parametrize("shape", [(0, 5, 40), (3, 0, 40)])
def test_nothing_gives_nothing(chosen: Path, shape: tuple[int, ...]) -> None:
    network = Network()
    layer = network.layer("x", 40, 24)
    _, ours = both(network.model(layer), chosen, np.zeros(shape, np.float32), ["RowQuantise", "ScaleRows"])
    assert ours[0].shape == (*shape[:2], 24)


@pytest.mark.parametrize(("inner", "width"), [(40, 24), (33, 7), (64, 768)])
@pytest.mark.parametrize("activation", ["Gelu", "Relu"])
def test_an_activation_is_put_together_with_the_levels_of_what_it_gives(
    chosen: Path, inner: int, width: int, activation: str
) -> None:
    network = Network()
    hidden = network.op(activation, network.layer("x", inner, width))
    last = network.layer(hidden, width, 5, raised=True)
    expected = ["RowQuantise", "ActivateAndQuantise", "ScaleRows"]
    plain, ours = both(network.model(last), chosen, values(9, 70, inner), expected)
    assert_alike_but_for_a_level(plain[0], ours[0])


@pytest.mark.parametrize("activation", ["Gelu", "Relu"])
def test_an_activation_is_what_it_is_there(chosen: Path, activation: str) -> None:
    network = Network()
    out = network.op(activation, network.layer("x", 64, 48))
    plain, ours = both(network.model(out), chosen, values(9, 70, 64), ["RowQuantise", "ScaleRows"])
    assert ours[0] == pytest.approx(plain[0], rel=1e-6, abs=1e-6)


def test_gelu_in_its_other_form_is_left_to_onnx_runtime(kernels: Path) -> None:
    network = Network()
    out = network.op("Gelu", network.layer("x", 64, 48), approximate="tanh")
    plain, ours = both(network.model(out), kernels, values(3, 64), ["RowQuantise", "ScaleRows"])
    assert ours[0] == pytest.approx(plain[0], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("width", [5, 48, 768])
@pytest.mark.parametrize("further", [False, True])
def test_a_residual_its_norm_and_its_levels_are_one(chosen: Path, width: int, further: bool) -> None:
    network = Network()
    added = network.op("Add", network.layer("x", width, width, raised=True), "x")
    normed = network.op(
        "LayerNormalization", added, network.random(width), network.random(width), epsilon=1e-5
    )
    outputs = [normed, network.levels(normed, width, raised=False)[0]] if further else [normed]
    expected = ["RowQuantise", "NormaliseAndQuantise" if further else "Normalise"]
    plain, ours = both(network.model(*outputs), chosen, values(9, 70, width), expected)
    assert ours[0] == pytest.approx(plain[0], rel=1e-5, abs=1e-5)
    if further:
        assert np.abs(plain[1].astype(int) - ours[1].astype(int)).max() <= 1


def test_what_somebody_else_reads_stays(kernels: Path) -> None:
    network = Network()
    hidden = network.op("Gelu", network.layer("x", 40, 24))
    last = network.layer(hidden, 24, 24, raised=True)
    expected = ["RowQuantise", "ScaleRows", "RowQuantise", "ScaleRows"]
    plain, ours = both(network.model(network.op("Sum", last, hidden)), kernels, values(3, 40), expected)
    assert_alike_but_for_a_level(plain[0], ours[0])


def test_a_graph_with_no_place_for_an_operator_is_left_alone() -> None:
    network = Network()
    assert fused(network.model(network.op("Abs", "x"))) is None


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(MalformedError):
        fused(b"\xff\xff\xff")


@pytest.fixture(scope="module", params=[("principles-vi", False), ("legal-basis-vi", True)])
def folder(
    request: pytest.FixtureRequest, demo_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    name, made = request.param
    found = original(demo_models / name, tmp_path_factory.mktemp("fused") / name, made=made)
    converted(found)
    return found


def run(folder: Path, cores: int = 1, labels: int | None = None) -> session.Session:
    labels = labels or SIZE[folder.name]
    return session.load(folder, labels=labels, graph="int8/model.onnx", is_narrow=True, cores=Cores(cores))


def test_a_model_answers_as_it_does_without(
    folder: Path, chosen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = random_rows([9, 40, 3, 120, 33, 200])
    ours = run(folder)
    assert ours.is_fused
    monkeypatch.setenv("VERIAIDPO_KERNELS", "")
    plain = run(folder)
    assert not plain.is_fused
    with_, without = (session.softmax(np.stack(list(one(rows)))) for one in (ours, plain))
    assert np.abs(with_ - without).max() < 5e-3


def test_alone_in_any_batch_and_on_any_cores_it_is_the_same_to_the_bit(folder: Path, chosen: Path) -> None:
    rows = random_rows([9, 40, 3, 120, 33, 200, 1, 17])
    one, two = run(folder), run(folder, 2)
    together = np.stack(list(one(rows)))
    assert (np.stack([one([row])[0] for row in rows]) == together).all()
    assert (np.stack(list(two(rows))) == together).all()
    assert (np.stack([two([row])[0] for row in rows]) == together).all()


def test_all_of_a_layer_is_put_together_where_the_graph_was_made_here(folder: Path) -> None:
    found = fused((folder / "int8/model.onnx").read_bytes())
    assert found is not None
    if folder.name == "legal-basis-vi":  # two layers, and four sums that are normed; the last has no reader
        assert kinds(found) == Counter(
            RowQuantise=4, Attend=2, ActivateAndQuantise=2, NormaliseAndQuantise=3, Normalise=1
        )
    else:
        assert kinds(found)["RowQuantise"] > 0


@pytest.mark.parametrize("is_broken", [False, True])
def test_without_a_library_that_works_everything_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_broken: bool
) -> None:
    place = tmp_path / "veriaidpo_kernels.so"
    if is_broken:
        place.write_bytes(b"no library")
    monkeypatch.setenv("VERIAIDPO_KERNELS", str(place))
    found = run(folder)
    assert not found.is_fused
    assert len(found(random_rows([5]))) == 1


def test_what_does_not_go_together_after_all_is_computed_as_it_was(
    kernels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A residual of one row for all is a sum that the operators do not know."""
    monkeypatch.setenv("VERIAIDPO_KERNELS", str(kernels))
    network = Network()
    for name in ("input_ids", "attention_mask"):
        network.op("Cast", name, to=TensorProto.FLOAT)
    wide = network.op("Unsqueeze", "Cast0", network.constant(np.array([2])))
    x = network.op("Mul", wide, network.random(24))
    one = network.op("ReduceMean", x, network.constant(np.array([1])), keepdims=1)
    added = network.op("Add", network.layer(x, 24, 24), one)
    normed = network.op("LayerNormalization", added, network.random(24), network.random(24))
    network.op("ReduceSum", normed, network.constant(np.array([1])), keepdims=0)
    network.nodes[-1].output[0] = "logits"
    model = onnx.load_from_string(network.model("logits"))
    del model.graph.input[:], model.graph.output[:]
    for name in ("input_ids", "attention_mask"):
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"]))
    model.graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 24]))
    (tmp_path / "int8").mkdir()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "int8/model.onnx").write_bytes(model.SerializeToString())
    assert fused(model.SerializeToString()) is not None
    found = run(tmp_path, labels=24)
    assert not found.is_fused
    assert np.isfinite(found([[1, 2, 3]])[0]).all()


def test_a_process_takes_the_library_of_its_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERIAIDPO_KERNELS", raising=False)
    assert library.find() in {None, Path(sys.prefix) / "lib/veriaidpo_kernels.so"}
