"""The engine threads and those who wait for them: bounds, turns, deadlines, failures."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from veriaidpo_predictor.computing import batching
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.network import Logits
from veriaidpo_predictor.computing.queueing import (
    DeadlineError,
    EngineError,
    Queue,
    QueueFullError,
    StoppedError,
)
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving import metrics


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


def zeros(rows: list[list[int]]) -> Logits:
    """Answer at once."""
    return np.zeros((len(rows), 1), dtype=np.float32)


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


async def test_a_full_queue_refuses_and_says_when_to_come_again(pool: Pool, engine: Engine) -> None:
    queue = pool.queue(engine, Limits(waiting_tokens=100))
    metrics.watch_queue("of-this-test", queue)
    tasks = [await held(queue, engine), await waiting(queue, [row(60)])]
    assert REGISTRY.get_sample_value("veriaidpo_queue_tokens", {"model": "of-this-test"}) == 60
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


async def test_a_flood_on_one_model_leaves_a_thread_to_those_that_are_asked_besides(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "_ASKED_SECONDS", 60.0)  # whatever else the machine does meanwhile
    pool = Pool(2)
    flooded, other = (
        pool.queue(engine, Limits(batch_rows=1)),
        pool.queue(zeros),
    )
    await other.compute([row(1)], soon())
    flood = [await held(flooded, engine), await waiting(flooded, [row(2)] * 5)]
    for _ in range(3):
        await other.compute([row(1)], soon())  # at once, and not when a batch of the flood has ended
    assert engine.batches == [[1]]
    engine.gate.set()
    await asyncio.gather(*flood)
    await asyncio.to_thread(pool.stop)


async def test_a_flood_gets_all_threads_once_nobody_else_asks() -> None:
    both = threading.Barrier(2, timeout=20)  # broken, and with it the test, unless two come together

    def engine(rows: list[list[int]]) -> Logits:
        both.wait()
        return np.zeros((len(rows), 1), dtype=np.float32)

    pool = Pool(2)
    flooded, other = (
        pool.queue(engine, Limits(batch_rows=1)),
        pool.queue(zeros),
    )
    await other.compute([row(1)], soon())
    await flooded.compute([row(1)] * 2, soon(30))
    await asyncio.to_thread(pool.stop)


async def test_a_queue_is_closed_once_what_waits_in_it_is_computed(pool: Pool, engine: Engine) -> None:
    queue, other = pool.queue(engine), pool.queue(engine)
    running, left = await held(queue, engine), await waiting(queue, [row(3)])
    closing = asyncio.create_task(asyncio.to_thread(pool.close, queue))
    await asyncio.sleep(0.1)
    assert not closing.done()
    engine.gate.set()
    await closing
    assert [(await one).tolist() for one in (running, left)] == [[[1, 0]], [[3, 0]]]
    with pytest.raises(StoppedError):
        await queue.compute([row(1)], soon())
    assert (await other.compute([row(2)], soon())).tolist() == [[2, 0]]


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_is_kept_of_a_model_that_has_gone(fails: bool) -> None:
    """Though no other is asked, and threads that wait are all that is left."""

    class Network:
        def __call__(self, rows: list[list[int]]) -> Logits:
            if fails:
                raise RuntimeError("what the engine says")
            return zeros(rows)

    pool, network = Pool(2), Network()
    kept, queue = weakref.ref(network), pool.queue(network)
    for _ in range(4):
        with pytest.raises(EngineError) if fails else nullcontext():
            await queue.compute([row(1)] * 64, soon())
    await asyncio.to_thread(pool.close, queue)
    del network, queue
    end = soon()
    while kept() is not None and time.monotonic() < end:  # a thread may still be on its way back
        gc.collect()
        await asyncio.sleep(0.01)
    assert kept() is None
    await asyncio.to_thread(pool.stop)


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


async def test_a_process_that_nobody_asks_is_given_its_rest_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_RESTING_SECONDS", 0.1)
    engine, rests = Engine(), threading.Semaphore(0)
    pool = Pool(2, rest=rests.release)

    async def rested(seconds: float) -> bool:
        return await asyncio.to_thread(rests.acquire, timeout=seconds)

    queue = pool.queue(engine)
    assert await rested(10)  # from what it took to load
    running = await held(queue, engine)
    assert not await rested(0.5)
    engine.gate.set()
    await running
    assert await rested(10)
    assert not await rested(0.5)
    await asyncio.to_thread(pool.stop)


async def test_what_is_left_of_a_failed_call_is_not_computed(pool: Pool, engine: Engine) -> None:
    queue = pool.queue(engine, Limits(batch_rows=1))
    first = await held(queue, engine)
    failing = await waiting(queue, [row(4, -1), row(5), row(6)])
    other = await waiting(queue, [row(300)])
    assert queue.waiting_tokens == 315
    engine.gate.set()
    with pytest.raises(EngineError):
        await failing
    await asyncio.gather(first, other)
    assert queue.waiting_tokens == 0
    assert [4] in engine.batches


async def test_who_goes_away_makes_room_at_once(pool: Pool, engine: Engine) -> None:
    queue = pool.queue(engine, Limits(waiting_tokens=100))
    first = await held(queue, engine)
    gone = await waiting(queue, [row(70), row(20)])
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert queue.waiting_tokens == 0
    engine.gate.set()
    await first


async def test_a_full_queue_tells_how_long_the_threads_will_be_at_what_waits() -> None:
    engine = Engine()
    pool = Pool(1)
    queue = pool.queue(engine, Limits(waiting_tokens=1_000))
    other = pool.queue(engine)
    for one, seconds in ((queue, 0.01), (other, 0.02)):
        for _ in range(200):
            one.measure(100, 100 * seconds)
    tasks = [await held(queue, engine), await waiting(queue, [row(1_000)]), await waiting(other, [row(250)])]
    with pytest.raises(QueueFullError) as refused:
        await queue.compute([row(1)], soon())
    assert refused.value.retry_after == 15
    engine.gate.set()
    await asyncio.gather(*tasks)
    await asyncio.to_thread(pool.stop)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(1, 120), min_size=1, max_size=6), min_size=1, max_size=25))
async def test_whatever_is_asked_together_each_caller_gets_its_own_answers(calls: list[list[int]]) -> None:
    """An answer names the row it was computed from; the calls meet in one queue and two threads."""

    def engine(rows: list[list[int]]) -> Logits:
        return np.array([[len(one), one[0]] for one in rows], dtype=np.float32)

    pool = Pool(2)
    queue = pool.queue(engine)
    asked = [[row(length, number) for length in lengths] for number, lengths in enumerate(calls)]
    found = await asyncio.gather(*(queue.compute(rows, soon()) for rows in asked))
    for number, (lengths, answers) in enumerate(zip(calls, found, strict=True)):
        assert answers.tolist() == [[length, number] for length in lengths]
    assert queue.waiting_tokens == 0
    await asyncio.to_thread(pool.stop)
