"""One look at a time for each Model, several Models at once, and no failure reaches a neighbour."""

import asyncio

import pytest

from veriaidpo_operator.running.engine import Engine
from veriaidpo_operator.running.workqueue import WorkQueue


async def test_a_key_is_never_worked_on_twice_at_once_and_once_more_after_pokes() -> None:
    running, most, count = 0, 0, 0
    begun, go = asyncio.Event(), asyncio.Event()
    again = asyncio.Event()

    async def work(_: str) -> float | None:
        nonlocal running, most, count
        running, count = running + 1, count + 1
        most = max(most, running)
        begun.set()
        await go.wait()
        running -= 1
        if count == 2:
            again.set()
        return None

    queue = WorkQueue(work, at_once=4)
    queue.poke("a")
    await begun.wait()
    for _ in range(5):
        queue.poke("a")
    go.set()
    await again.wait()
    await queue.close()
    assert (most, count) == (1, 2)


async def test_keys_run_beside_each_other() -> None:
    both = asyncio.Barrier(2)

    async def work(_: str) -> float | None:
        await both.wait()
        return None

    queue = WorkQueue(work, at_once=2)
    queue.poke("a")
    queue.poke("b")
    async with asyncio.timeout(5):
        await queue.close()


async def test_work_that_raises_is_tried_again_and_hinders_no_other(caplog: pytest.LogCaptureFixture) -> None:
    tries = 0
    healed, other = asyncio.Event(), asyncio.Event()

    async def work(key: str) -> float | None:
        nonlocal tries
        if key == "good":
            other.set()
            return None
        tries += 1
        if tries == 1:
            raise RuntimeError("the world is bad")
        healed.set()
        return None

    queue = WorkQueue(work, at_once=1)
    queue.poke("bad")
    queue.poke("good")
    async with asyncio.timeout(5):
        await other.wait()
        await healed.wait()
    await queue.close()
    assert "the world is bad" in caplog.text


async def test_work_is_done_again_after_the_time_it_asked_for() -> None:
    times = 0
    third = asyncio.Event()

    async def work(_: str) -> float | None:
        nonlocal times
        times += 1
        if times == 3:
            third.set()
        return 0.01

    queue = WorkQueue(work, at_once=1)
    queue.poke("a")
    async with asyncio.timeout(5):
        await third.wait()
    await queue.close()


async def test_what_is_arranged_already_is_not_hurried() -> None:
    count = 0

    async def work(_: str) -> float | None:
        nonlocal count
        count += 1
        return 60

    queue = WorkQueue(work, at_once=1)
    queue.poke("a")
    await asyncio.gather(*queue._running.values())
    queue.ensure("a")
    await queue.close()
    assert count == 1


async def test_the_engine_finds_models_no_event_told_of() -> None:
    seen = asyncio.Event()
    loop = asyncio.get_running_loop()

    def reconcile(name: str) -> float | None:
        assert name == "silent"
        loop.call_soon_threadsafe(seen.set)
        return None

    engine = Engine(
        reconcile, lambda: ["silent"], resync_seconds=60, stalled_seconds=60, on_stalled=lambda: None
    )
    engine.start()
    async with asyncio.timeout(5):
        await seen.wait()
    await engine.stop()
    assert engine.age() < 5


async def test_an_engine_nothing_succeeds_in_gives_up_so_that_it_is_started_again() -> None:
    stalled = asyncio.Event()

    def names() -> list[str]:
        raise OSError("no API server")

    engine = Engine(lambda _: None, names, resync_seconds=0.01, stalled_seconds=0.05, on_stalled=stalled.set)
    engine.start()
    async with asyncio.timeout(5):
        await stalled.wait()
    await engine.stop()


async def test_an_engine_without_models_is_not_stalled() -> None:
    stalled = asyncio.Event()
    rounds = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    def names() -> list[str]:
        loop.call_soon_threadsafe(rounds.release)
        return []

    engine = Engine(lambda _: None, names, resync_seconds=0.02, stalled_seconds=0.2, on_stalled=stalled.set)
    engine.start()
    async with asyncio.timeout(5):
        for _ in range(30):
            await rounds.acquire()
    await engine.stop()
    assert not stalled.is_set()


@pytest.mark.parametrize(
    ("models", "wanted", "given"),
    [
        (100, 15.0, 15.0),
        (300, 15.0, 45.0),
        (300, 2.0, 2.0),  # a rollout
        (300, None, None),
    ],
)
def test_of_many_models_each_is_looked_at_less_often_at_rest(
    models: int, wanted: float | None, given: float | None
) -> None:
    engine = Engine(lambda _: None, list, resync_seconds=15, stalled_seconds=180, on_stalled=lambda: None)
    engine._known = models
    assert engine._paced(wanted) == given
