"""A run alone has all cores, runs side by side have one each, and none of it changes an answer."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from veriaidpo_predictor.computing import session
from veriaidpo_predictor.computing.cores import Cores

WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def folder(demo_models: Path) -> Path:
    return demo_models / "principles-vi"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def loaded(folder: Path, cores: Cores) -> session.Session:
    labels = len(json.loads((folder / "config.json").read_bytes())["id2label"])
    return session.load(folder, labels=labels, cores=cores)


def test_only_one_run_at_a_time_has_all_cores() -> None:
    cores = Cores(2)
    with cores.taken() as first, cores.taken() as second:
        assert (first, second) == (True, False)
    with cores.taken() as later:
        assert later


def test_a_run_that_fails_gives_the_cores_back() -> None:
    cores = Cores(2)
    with pytest.raises(ValueError), cores.taken():
        raise ValueError
    with cores.taken() as later:
        assert later


@pytest.mark.parametrize("count", [1, 2, 3])
def test_runs_side_by_side_answer_as_each_does_alone(
    folder: Path, pool: ThreadPoolExecutor, count: int
) -> None:
    run = loaded(folder, Cores(count))
    batches = [[[0, *range(40, 40 + length), 2]] * rows for length in (3, 17, 60) for rows in (1, 4)] * 8
    alone = [run(rows) for rows in batches]
    together = pool.map(run, batches, timeout=WAIT_SECONDS)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_run_goes_aside_while_another_has_the_cores(folder: Path, pool: ThreadPoolExecutor) -> None:
    """Of a model that has begun and does not end, the next run still comes back."""
    cores = Cores(2)
    run, row = loaded(folder, cores), [0, 40, 41, 2]
    alone = run([row])
    begun, end = threading.Event(), threading.Event()

    def hold() -> None:
        with cores.taken():
            begun.set()
            assert end.wait(WAIT_SECONDS)

    holding = pool.submit(hold)
    assert begun.wait(WAIT_SECONDS)
    np.testing.assert_allclose(pool.submit(run, [row]).result(WAIT_SECONDS), alone, atol=1e-6)
    end.set()
    holding.result(WAIT_SECONDS)


def test_what_fails_aside_fails_there(folder: Path) -> None:
    cores = Cores(2)
    run = loaded(folder, cores)
    beyond_the_positions = [list(range(5_000))]
    with cores.taken(), pytest.raises(session.SessionError):
        run(beyond_the_positions)
    assert len(list(run([[0, 40, 2]]))) == 1
