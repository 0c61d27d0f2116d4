"""A byte that changes under a running predictor is found, and the model answers no longer."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving import rechecking
from veriaidpo_predictor.serving.registry import Registry, open_models
from veriaidpo_predictor.serving.served import State

from .conftest import Process

Publish = Callable[..., Path]


def flip(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize("name", ["onnx/model.onnx", "vocab.txt", "manifest.json"])
def test_only_the_model_that_is_damaged_stops_answering(volume: Path, publish_to: Publish, name: str) -> None:
    damaged = publish_to(volume, name="damaged-en")
    pool = Pool(1)
    registry = Registry(open_models([damaged, publish_to(volume)], pool=pool, limits=Limits()))
    registry.load_all()
    read: list[int] = []
    rechecking.recheck(registry, read.append)
    assert [model.state for model in registry] == [State.READY] * 2
    assert sum(read) == sum(model.manifest.size for model in registry)
    flip(damaged / name)
    rechecking.recheck(registry, lambda _: None)
    first, second = registry
    assert (first.state, second.state) == (State.FAILED, State.READY)
    assert first.reason
    assert not registry.hopeless
    pool.stop()


def test_it_is_over_when_nothing_is_left_that_answers(revision: Path) -> None:
    pool = Pool(1)
    registry = Registry(open_models([revision], pool=pool, limits=Limits()))
    registry.load_all()
    (revision / "vocab.txt").unlink()
    rechecking.again_and_again(registry, 0.01, threading.Event())
    assert registry.hopeless
    pool.stop()


def test_a_predictor_with_one_model_ends_and_says_which_file_it_was(
    serve: Callable[..., Process], revision: Path, tmp_path: Path
) -> None:
    said = tmp_path / "said.json"
    said.touch()
    process = serve(revision, "--no-auth", "--recheck", "1", environment={"TERMINATION_LOG": str(said)})
    process.until_ready()
    flip(revision / "onnx/model.onnx")
    assert process.process.wait(60) == 1
    assert "onnx/model.onnx of revision" in said.read_text()
    assert "has another sha256 than published" in said.read_text()
