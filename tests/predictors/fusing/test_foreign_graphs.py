"""Whatever a graph holds, it answers with the operators as it does without, or does without them.

Where they are found not to fit when it is opened, or only in a run, nobody gets another answer or none.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.fusing.rewriting import fused
from veriaidpo_predictor.computing.graph import Graph, RunError
from veriaidpo_predictor.computing.opening import Opening

from .foreign import FUSED, INPUTS, LEFT, REFUSED, WORDS, Build, attending, fewer_for_some, summed
from .int8_layers import Array, Network, kinds

SIZES = [(1, 1), (2, 8), (1, 8), (8, 8), (3, 3), (2, 6), (5, 33), (1, 300)]
TOLERANCE = 1e-5
"""Of the largest value of an answer."""


def model(build: Build) -> bytes:
    network = Network()
    return network.model(*build(network), inputs=INPUTS)


def graphs(model: bytes, folder: Path, cores: int = 1) -> tuple[Graph, Graph]:
    """The graph without the operators, and as a predictor opens it."""
    (folder / "model.onnx").write_bytes(model)
    opening = Opening(folder / "model.onnx", Cores(cores), is_narrow=True)
    return Graph(opening, has_operators=False), Graph(opening, has_operators=True)


def texts(rows: int, tokens: int) -> dict[str, Array]:
    """Of several lengths; one of two tokens and more is all padding."""
    rng = np.random.default_rng(rows * 1000 + tokens)
    lengths = rng.integers(1, tokens + 1, (rows, 1))
    if rows > 1:
        lengths[-1] = 0
    return {
        "input_ids": rng.integers(0, WORDS, (rows, tokens)),
        "attention_mask": (np.arange(tokens) < lengths).astype(np.int64),
    }


def assert_alike(plain: Graph, ours: Graph, sizes: Iterable[tuple[int, int]] = SIZES) -> None:
    compared = 0
    for size in sizes:
        given = texts(*size)
        names = [one.name for one in plain._session.get_outputs()]
        try:
            expected = plain.run(names, given)
        except RunError:  # a size that the graph is not for
            continue
        for one, other in zip(expected, ours.run(names, given), strict=True):
            assert one.shape == other.shape
            most = np.abs(one[np.isfinite(one)], dtype=np.float32).max(initial=1e-9)
            np.testing.assert_allclose(other, one, rtol=0, atol=TOLERANCE * most)
        compared += 1
    assert compared


@pytest.mark.parametrize("name", LEFT)
def test_what_is_not_one_of_the_operators_is_left_alone(name: str) -> None:
    assert fused(model(LEFT[name])) is None


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("name", FUSED)
def test_what_is_answers_as_it_does_without(name: str, cores: int, chosen: Path, tmp_path: Path) -> None:
    build, expected = FUSED[name]
    rewritten = fused(model(build))
    assert rewritten is not None
    assert kinds(rewritten) == expected
    plain, ours = graphs(model(build), tmp_path, cores)
    assert ours.is_fused
    assert_alike(plain, ours)
    assert ours.is_fused


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_go_together_is_found_when_it_is_opened(
    name: str, with_kernels: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert fused(model(REFUSED[name])) is not None
    plain, ours = graphs(model(REFUSED[name]), tmp_path)
    assert not ours.is_fused
    assert "a graph does without the operators of" in caplog.text
    assert_alike(plain, ours)


def test_the_softmax_of_an_older_onnx_is_of_all_that_follows(with_kernels: Path, tmp_path: Path) -> None:
    """Up to opset 12 one that names no axis means another than later, and ReduceMax has an attribute."""
    network = Network()
    outputs = attending(axis=None)(network)
    for node in network.nodes:
        if node.op_type == "ReduceMax":
            del node.input[1:]
            node.attribute.append(helper.make_attribute("axes", [-1]))
    old = network.model(*outputs, inputs=INPUTS, opset=12)
    rewritten = fused(old)
    assert rewritten is not None
    assert kinds(rewritten)["Attend"] == 0
    plain, ours = graphs(old, tmp_path)
    assert ours.is_fused
    assert_alike(plain, ours)


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("is_aside", [False, True])
def test_what_shows_only_in_a_run_is_computed_without_from_then_on(
    cores: int, is_aside: bool, with_kernels: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain, ours = graphs(model(summed(fewer_for_some)), tmp_path, cores)
    was_fused = [ours.is_fused]
    low = {"input_ids": np.full((2, 5), 3), "attention_mask": np.ones((2, 5), np.int64)}
    high = {**low, "input_ids": np.full((2, 5), 45)}
    names = [plain.output[0]]
    np.testing.assert_allclose(ours.run(names, low)[0], plain.run(names, low)[0], atol=TOLERANCE)
    was_fused.append(ours.is_fused)
    with ours._cores.taken() if is_aside else nullcontext():
        found = ours.run(names, high)
    np.testing.assert_array_equal(found[0], plain.run(names, high)[0])
    assert [*was_fused, ours.is_fused] == [True, True, False]
    assert caplog.text.count("a graph goes on without the operators") == 1
    np.testing.assert_array_equal(ours.run(names, low)[0], plain.run(names, low)[0])


def test_a_batch_that_nothing_computes_takes_no_operators_away(with_kernels: Path, tmp_path: Path) -> None:
    _, ours = graphs(model(attending()), tmp_path)
    names = [ours.output[0]]
    given = texts(2, 8)
    beyond = {**given, "input_ids": given["input_ids"] + WORDS}
    for _ in range(2):
        with pytest.raises(RunError):
            ours.run(names, beyond)
    ours.run(names, given)
    assert ours.is_fused
