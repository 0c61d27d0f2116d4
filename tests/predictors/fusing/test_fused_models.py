"""Demonstration models of int8 computed with this product's own operators, beside the same without."""

import platform
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from veriaidpo_predictor.computing import session
from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.fusing import library
from veriaidpo_predictor.computing.fusing.rewriting import fused

from ..int8_models import SIZE, converted, original, random_rows
from .int8_layers import kinds


@pytest.fixture(scope="module", params=[("principles-vi", False), ("legal-basis-vi", True)])
def folder(
    request: pytest.FixtureRequest, demo_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    name, made = request.param
    found = original(demo_models / name, tmp_path_factory.mktemp("fused") / name, made=made)
    converted(found)
    return found


def run(folder: Path, cores: int = 1) -> session.Session:
    return session.load(
        folder, labels=SIZE[folder.name], graph="int8/model.onnx", is_narrow=True, cores=Cores(cores)
    )


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
    alone, on_two, alone_on_two = (
        [one([row])[0] for row in rows],
        list(two(rows)),
        [two([row])[0] for row in rows],
    )
    # On arm64 ONNX Runtime's own products of fp32, of which a graph has some that was not made here, go by
    # how many rows there are.
    is_exact = platform.machine() == "x86_64" or folder.name == "legal-basis-vi"
    for other in (alone, on_two, alone_on_two):
        np.testing.assert_allclose(np.stack(other), together, rtol=0, atol=0 if is_exact else 1e-6)


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


def test_a_process_takes_the_library_of_its_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERIAIDPO_KERNELS", raising=False)
    assert library.find() in {None, Path(sys.prefix) / "lib/veriaidpo_kernels.so"}
