"""A byte that changes under a running predictor is found, and the model answers no longer."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving import rechecking
from veriaidpo_predictor.serving.registry import Registry, open_models
from veriaidpo_predictor.serving.served import State
from veriaidpo_predictor.serving.shared import SharedRegistry

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


@pytest.mark.parametrize("name", ["onnx/model.onnx", "manifest.json"])
def test_what_cannot_be_read_for_a_moment_is_not_damaged_and_is_soon_looked_at_again(
    revision: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pool = Pool(1)
    registry = Registry(open_models([revision], pool=pool, limits=Limits()))
    registry.load_all()
    (model,) = registry
    opened = Path.open

    def fails(path: Path, *given: Any, **options: Any) -> Any:
        if path == revision / name:
            raise OSError(errno.ESTALE, "Stale file handle")
        return opened(path, *given, **options)

    before = unreadable(model.name)
    monkeypatch.setattr(Path, "open", fails)
    assert not rechecking.recheck(registry, lambda _: None)
    assert (model.state, unreadable(model.name) - before) == (State.READY, 1)
    monkeypatch.undo()
    assert rechecking.recheck(registry, lambda _: None)
    assert (model.state, unreadable(model.name) - before) == (State.READY, 1)
    pool.stop()


def unreadable(model: str) -> float:
    return REGISTRY.get_sample_value("veriaidpo_unreadable_total", {"model": model}) or 0


class Waits(threading.Event):
    """Keeps how long it was waited for, and is set after three times."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return len(self.seconds) == 3


def test_after_what_could_not_be_read_the_next_look_is_sooner(
    revision: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, waits = Pool(1), Waits()
    registry = Registry(open_models([revision], pool=pool, limits=Limits()))
    registry.load_all()
    found = iter([False, True])
    monkeypatch.setattr(rechecking, "recheck", lambda *_: next(found))
    rechecking.again_and_again(registry, 3_600, waits)
    assert waits.seconds == [3_600, rechecking.SOON_SECONDS, 3_600]
    pool.stop()


@pytest.mark.parametrize("comes_another", [True, False])
def test_what_was_replaced_while_it_was_read_is_told_of_no_more(
    volume: Path, publish_to: Publish, repository: Callable[..., dict[str, bytes]], comes_another: bool
) -> None:
    pool, registry = Pool(1), SharedRegistry()
    one, other = (
        open_models([publish_to(volume, name="late-en", content=content)], pool=pool, limits=Limits())[0]
        for content in (repository(), repository() | {"labels.json": b"{}"})
    )
    for model in (one, other):
        model.load()
    registry.put(one)
    flip(one.directory / "vocab.txt")

    def replaced(_: int) -> None:
        if registry.get("late-en") is one:
            registry.put(other) if comes_another else registry.remove("late-en")

    rechecking.recheck(registry, replaced)
    told = generate_latest().decode()
    assert ('veriaidpo_model_ready{model="late-en"} 1.0' in told) == comes_another
    assert f'model="late-en",revision="{one.manifest.digest}"' not in told
    assert ('veriaidpo_damaged_total{model="late-en"} 0.0' in told) == comes_another
    assert 'veriaidpo_damaged_total{model="late-en"} 1.0' not in told
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
