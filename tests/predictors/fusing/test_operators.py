"""A graph of int8 computed with this product's own operators, beside the same with ONNX Runtime's alone."""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest

from veriaidpo_predictor.computing import opening
from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.fusing.rewriting import fused
from veriaidpo_predictor.computing.protobuf import MalformedError

from .int8_layers import Array, Network, kinds


def both(model: bytes, kernels: Path, x: Array, expected: Sequence[str]) -> tuple[list[Array], list[Array]]:
    """What the model gives with ONNX Runtime's operators and with ours, which are these.

    On one thread and two, with the arena that the product does without and not, ours are the same to the bit.
    """
    rewritten = fused(model)
    assert rewritten is not None
    assert kinds(rewritten) == Counter(expected)
    plain = run(model, kernels, x)
    ours, *others = (
        run(rewritten, kernels, x, threads=threads, has_arena=has_arena)
        for threads, has_arena in product((1, 2), (False, True))
    )
    for other in others:
        for one, same in zip(ours, other, strict=True):
            np.testing.assert_array_equal(one, same)
    return plain, ours


def run(model: bytes, kernels: Path, x: Array, *, threads: int = 1, has_arena: bool = False) -> list[Array]:
    asked = opening.options(Cores(threads), is_narrow=True)
    asked.enable_cpu_mem_arena = has_arena
    asked.register_custom_ops_library(str(kernels))
    session = onnxruntime.InferenceSession(model, asked, providers=["CPUExecutionProvider"])
    found: list[Array] = session.run(None, {"x": x})
    return found


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
    levels, *_, scale = network.levels("x", multiplier=(width,), raised=raised)
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
    normed = network.norm(added, width)
    outputs = [normed, network.levels(normed, multiplier=(width,))[0]] if further else [normed]
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
