"""Liveness is about the engine, not about the port: a process whose engine hangs has to be replaced."""

import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.network import Logits, Run
from veriaidpo_predictor.computing.running import STUCK_SECONDS, Running
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving.registry import Registry, open_models


class Hanging:
    """A run that does not end before it is let go: an engine cannot be made to hang otherwise."""

    def __init__(self) -> None:
        self.entered, self.gate = threading.Event(), threading.Event()

    def __call__(self, rows: list[list[int]]) -> Logits:
        self.entered.set()
        assert self.gate.wait(30)
        return np.zeros((len(rows), 1), dtype=np.float32)


@pytest.fixture
def registry(revision: Path) -> Registry:
    return Registry(open_models([revision], pool=Pool(1), limits=Limits()))


def test_a_run_is_stuck_when_it_lasts_longer_than_any_can_and_no_longer_when_it_ends() -> None:
    now = [0.0]
    running, hanging = Running(lambda: now[0]), Hanging()
    thread = threading.Thread(target=running.watched(hanging), args=([[1]],))
    thread.start()
    assert hanging.entered.wait(30)
    now[0] = STUCK_SECONDS
    seen = [running.stuck]
    now[0] += 1
    seen.append(running.stuck)
    hanging.gate.set()
    thread.join()
    assert [*seen, running.stuck] == [False, True, False]


async def test_the_probe_tells(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["serve"])
    from veriaidpo_predictor.serving.server import _Plane  # noqa: PLC0415  kserve reads the command line

    plane = _Plane(None, registry)
    assert await plane.live() == {"status": "alive"}
    monkeypatch.setattr(Running, "stuck", True)
    assert await plane.live() == {"status": "stuck"}


def test_a_model_that_is_loaded_is_watched(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    (model,) = registry
    watched: list[Run] = []

    def noted(_running: Running, run: Run) -> Run:
        watched.append(run)
        return run

    monkeypatch.setattr(Running, "watched", noted)
    model.load()
    assert len(watched) == 1
