"""What a replica does in its rounds: it learns at once what was ordered, however much there is to erase."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.records import erasing, sweeping
from veriaidpo_gateway.records.erasing import Eraser

from .recording import rows_in
from .test_records_erased import Place, of


@pytest.fixture
async def place(tmp_path: Path) -> Any:
    async with open_database(None) as database:
        yield Place(tmp_path, database, {"short": 30})


async def blanked(place: Place) -> int:
    return sum(row.contents is None for row in await rows_in(place.database))


async def test_a_start_waits_for_what_was_ordered_and_for_no_sweep(place: Place) -> None:
    await place.written(of("t1", 1))
    await place.sweeper._eraser.order("t1", int(place.now * 1000))
    await place.sweeper.refresh()
    assert place.sweeper.cached_as("t1") != "t1"
    assert await blanked(place) == 0
    await place.sweeper.refresh()
    assert await blanked(place) == 1


async def test_orders_are_learnt_while_a_long_sweep_goes_on(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "TOGETHER", 1)
    await place.written(*(of("t1", number) for number in range(6)))
    await place.sweeper._eraser.order("t1", int(place.now * 1000))
    await place.sweeper.refresh()
    erase = Eraser.erase

    async def slowly(eraser: Eraser, *said: Any) -> Any:
        await asyncio.sleep(0.03)
        return await erase(eraser, *said)

    monkeypatch.setattr(Eraser, "erase", slowly)
    monkeypatch.setattr(sweeping, "SWEEP_FOR", 0.05)
    await place.sweeper.refresh()
    assert 0 < await blanked(place) < 6
    await place.sweeper._eraser.order("t2", int(place.now * 1000))
    await place.sweeper.refresh()
    assert place.sweeper.cached_as("t2") != "t2"
    for _ in range(9):
        await place.sweeper.refresh()
    assert await blanked(place) == 6


async def test_an_order_may_come_while_it_is_swept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.written(*(of(tenant, number) for number, tenant in enumerate(("t1", "t2", "t3"))))
    for tenant in ("t1", "t2"):
        await place.sweeper._eraser.order(tenant, int(place.now * 1000))
    await place.sweeper.refresh()
    erase = Eraser.erase

    async def meanwhile(eraser: Eraser, *said: Any) -> Any:
        monkeypatch.setattr(Eraser, "erase", erase)
        await place.sweeper.erase("t3")
        return await erase(eraser, *said)

    monkeypatch.setattr(Eraser, "erase", meanwhile)
    await place.sweeper.refresh()
    assert await blanked(place) == 3


async def test_what_was_read_a_moment_ago_takes_no_later_order_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.written()
    await place.sweeper.erase("t1")
    now = place.sweeper.cached_as("t1")

    async def stale(_: Eraser) -> dict[str, int]:
        return {"t1": 1}

    monkeypatch.setattr(Eraser, "ordered", stale)
    await place.sweeper.refresh()
    assert place.sweeper.cached_as("t1") == now


async def test_of_two_orders_the_later_one_stays(place: Place) -> None:
    await place.written()
    eraser = place.sweeper._eraser
    for before in (5, 9, 7):
        await eraser.order("t1", before)
    assert await eraser.ordered() == {"t1": 9}


async def test_while_another_replica_is_at_some_rows_it_is_not_complete(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.written(of("t1", 1))
    erase, asked = Eraser.erase, 0

    async def skipping(eraser: Eraser, *said: Any) -> Any:
        nonlocal asked
        asked += 1
        return None if asked == 1 else await erase(eraser, *said)

    monkeypatch.setattr(sweeping, "_HELD", 0)
    monkeypatch.setattr(Eraser, "erase", skipping)
    erased = await place.sweeper.erase("t1")
    assert (erased.complete, erased.rows, asked) == (True, 1, 3)
