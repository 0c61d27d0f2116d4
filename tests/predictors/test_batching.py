"""The queue and its engine threads: bounds, order, neighbours, deadlines."""

import asyncio
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from veriaidpo_predictor.batching import (
    DeadlineError,
    EngineError,
    Limits,
    Logits,
    Pool,
    Queue,
    QueueFullError,
    StoppedError,
)


class Engine:
    """Answers a row with its length, once the gate is open; remembers its batches."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, rows: list[list[int]]) -> Logits:
        self.batches.append([len(row) for row in rows])
        self.entered.set()
        assert self.gate.wait(10)
        if any(row[0] == -1 for row in rows):
            raise RuntimeError("what the engine says")
        return np.array([[len(row), row[0]] for row in rows], dtype=np.float32)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.gate.set()


@pytest.fixture
def pool(engine: Engine) -> Iterator[Pool]:
    pool = Pool(1)
    yield pool
    engine.gate.set()
    pool.stop()


def row(length: int, value: int = 0) -> list[int]:
    return [value] * length


def soon(seconds: float = 10) -> float:
    return time.monotonic() + seconds


async def held(queue: Queue, engine: Engine) -> "asyncio.Task[Logits]":
    """Occupy the only thread until the gate opens."""
    task = asyncio.create_task(queue.compute([row(1)], soon()))
    await asyncio.to_thread(engine.entered.wait, 10)
    return task


async def waiting(
    queue: Queue, rows: list[list[int]], deadline: float | None = None
) -> "asyncio.Task[Logits]":
    """Let rows wait in the queue."""
    before = queue.waiting_tokens
    task = asyncio.create_task(queue.compute(rows, deadline or soon()))
    while queue.waiting_tokens == before and not task.done():  # noqa: ASYNC110  it takes one turn of the loop
        await asyncio.sleep(0)
    return task


async def test_rows_come_back_in_the_order_they_were_given(pool: Pool, engine: Engine) -> None:
    engine.gate.set()
    found = await pool.queue(engine).compute([row(n, n) for n in (5, 3, 40, 4)], soon())
    assert found.tolist() == [[5, 5], [3, 3], [40, 40], [4, 4]]


async def test_a_batch_is_the_oldest_row_and_its_neighbours_in_length(pool: Pool, engine: Engine) -> None:
    queue = pool.queue(engine, Limits(slack=4))
    tasks = [await held(queue, engine)]
    tasks += [await waiting(queue, [row(length)]) for length in (20, 100, 23, 16, 30, 20)]
    engine.gate.set()
    await asyncio.gather(*tasks)
    assert [sorted(batch) for batch in engine.batches] == [[1], [16, 20, 20, 23], [100], [30]]


async def test_a_batch_stays_within_its_tokens_and_rows(pool: Pool, engine: Engine) -> None:
    queue = pool.queue(engine, Limits(batch_tokens=100, batch_rows=8))
    tasks = [await held(queue, engine), await waiting(queue, [row(30)] * 4 + [row(3)] * 9)]
    engine.gate.set()
    await asyncio.gather(*tasks)
    assert engine.batches == [[1], [30, 30, 30], [30], [3] * 8, [3]]


async def test_a_row_longer_than_a_batch_may_be_is_computed_alone(pool: Pool, engine: Engine) -> None:
    engine.gate.set()
    queue = pool.queue(engine, Limits(batch_tokens=10))
    assert (await queue.compute([row(50), row(50)], soon())).shape == (2, 2)
    assert engine.batches == [[50], [50]]


async def test_a_full_queue_refuses_and_says_when_to_come_again(pool: Pool, engine: Engine) -> None:
    queue = pool.queue(engine, Limits(waiting_tokens=100))
    tasks = [await held(queue, engine), await waiting(queue, [row(60)])]
    with pytest.raises(QueueFullError) as refused:
        await queue.compute([row(41)], soon())
    assert 1 <= refused.value.retry_after <= 30
    tasks.append(await waiting(queue, [row(40)]))
    engine.gate.set()
    await asyncio.gather(*tasks)
    assert queue.waiting_tokens == 0


async def test_a_call_larger_than_the_queue_is_taken_when_nothing_waits(pool: Pool, engine: Engine) -> None:
    engine.gate.set()
    queue = pool.queue(engine, Limits(waiting_tokens=10))
    assert (await queue.compute([row(50)] * 3, soon())).shape == (3, 2)


async def test_what_is_past_its_deadline_is_never_computed(pool: Pool, engine: Engine) -> None:
    queue = pool.queue(engine)
    first = await held(queue, engine)
    late = await waiting(queue, [row(7), row(9)], soon(0.05))
    other = await waiting(queue, [row(8)])
    with pytest.raises(DeadlineError):
        await late
    engine.gate.set()
    await asyncio.gather(first, other)
    assert engine.batches == [[1], [8]]
    assert queue.waiting_tokens == 0


async def test_a_caller_who_went_away_costs_no_computing(pool: Pool, engine: Engine) -> None:
    queue = pool.queue(engine)
    first = await held(queue, engine)
    gone = await waiting(queue, [row(7)])
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    engine.gate.set()
    await first
    await queue.compute([row(3)], soon())
    assert engine.batches == [[1], [3]]


async def test_an_answer_that_takes_longer_than_the_deadline_is_not_waited_for(
    pool: Pool, engine: Engine
) -> None:
    started = time.monotonic()
    with pytest.raises(DeadlineError):
        await pool.queue(engine).compute([row(1)], soon(0.05))
    assert time.monotonic() - started < 5


async def test_a_failing_engine_fails_its_batch_and_goes_on(pool: Pool, engine: Engine) -> None:
    engine.gate.set()
    queue = pool.queue(engine)
    with pytest.raises(EngineError) as failed:
        await queue.compute([row(4, -1)], soon())
    assert "what the engine says" not in str(failed.value)
    assert (await queue.compute([row(2)], soon())).tolist() == [[2, 0]]


async def test_models_take_turns(pool: Pool) -> None:
    order: list[str] = []
    gate, entered = threading.Event(), threading.Event()

    def engine(name: str, rows: list[list[int]]) -> Logits:
        order.append(name)
        entered.set()
        assert gate.wait(10)
        return np.zeros((len(rows), 1), dtype=np.float32)

    one = pool.queue(lambda rows: engine("one", rows), Limits(batch_rows=1))
    other = pool.queue(lambda rows: engine("other", rows), Limits(batch_rows=1))
    tasks = [asyncio.create_task(one.compute([row(1)], soon()))]
    await asyncio.to_thread(entered.wait, 10)
    tasks += [await waiting(one, [row(1)] * 5), await waiting(other, [row(1)] * 2)]
    gate.set()
    await asyncio.gather(*tasks)
    assert order == ["one", "other", "one", "other", "one", "one", "one", "one"]


async def test_stopping_fails_what_waits_and_finishes_what_runs(engine: Engine) -> None:
    pool = Pool(1)
    queue = pool.queue(engine)
    running = await held(queue, engine)
    left = await waiting(queue, [row(3)])
    stopping = asyncio.create_task(asyncio.to_thread(pool.stop))
    with pytest.raises(StoppedError):
        await left
    engine.gate.set()
    await stopping
    assert (await running).tolist() == [[1, 0]]
    with pytest.raises(StoppedError):
        await queue.compute([row(1)], soon())


async def test_two_threads_compute_at_once() -> None:
    both = threading.Barrier(2, timeout=10)  # broken, and with it the test, unless two come together

    def engine(rows: list[list[int]]) -> Logits:
        both.wait()
        return np.zeros((len(rows), 1), dtype=np.float32)

    pool = Pool(2)
    found = await pool.queue(engine, Limits(batch_rows=1)).compute([row(1)] * 2, soon())
    assert found.shape == (2, 1)
    await asyncio.to_thread(pool.stop)
