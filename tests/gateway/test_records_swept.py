"""What a replica does in its rounds: it learns at once what was ordered, however much there is to erase."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.records import erasing, sweeping
from veriaidpo_gateway.records.erasing import Eraser
from veriaidpo_gateway.records.ordering import Order, Orders

from .recording import Days, rows_in
from .test_records_erased import DAY, Place, of


@pytest.fixture
async def place(tmp_path: Path) -> Any:
    async with open_database(None) as database:
        yield Place(tmp_path, database, {"short": 30})


async def blanked(place: Place) -> int:
    return sum(row.contents is None for row in await rows_in(place.database))


async def test_a_start_waits_for_what_was_ordered_and_for_no_sweep(place: Place) -> None:
    await place.written(of("t1", 1))
    await place.sweeper._orders.add(Order("t1", int(place.now * 1000)))
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
    await place.sweeper._orders.add(Order("t1", int(place.now * 1000)))
    await place.sweeper.refresh()
    erase = Eraser.erase

    async def slowly(eraser: Eraser, *said: Any) -> Any:
        await asyncio.sleep(0.03)
        return await erase(eraser, *said)

    monkeypatch.setattr(Eraser, "erase", slowly)
    monkeypatch.setattr(sweeping, "SWEEP_FOR", 0.05)
    await place.sweeper.refresh()
    assert 0 < await blanked(place) < 6
    await place.sweeper._orders.add(Order("t2", int(place.now * 1000)))
    await place.sweeper.refresh()
    assert place.sweeper.cached_as("t2") != "t2"
    for _ in range(9):
        await place.sweeper.refresh()
    assert await blanked(place) == 6


async def test_an_order_may_come_while_it_is_swept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.written(*(of(tenant, number) for number, tenant in enumerate(("t1", "t2", "t3"))))
    for tenant in ("t1", "t2"):
        await place.sweeper._orders.add(Order(tenant, int(place.now * 1000)))
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

    async def stale(*_: Any) -> dict[str, int]:
        return {"t1": 1}

    monkeypatch.setattr(Orders, "of_tenants", stale)
    await place.sweeper.refresh()
    assert place.sweeper.cached_as("t1") == now


async def test_of_two_orders_the_later_one_stays(place: Place) -> None:
    await place.written()
    orders = place.sweeper._orders
    for before in (5, 9, 7):
        await orders.add(Order("t1", before))
    assert await orders.of_tenants(0) == {"t1": 9}
    assert await orders.of_tenants(10) == {}


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


async def test_where_all_is_kept_for_ever_nobody_asks_tenant_by_tenant(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.written(of("t1", 1))
    sweeper, asked = place.another(Days(), place.signer), 0
    tenants = Eraser.tenants

    async def counted(eraser: Eraser) -> AsyncIterator[str]:
        nonlocal asked
        asked += 1
        async for tenant in tenants(eraser):
            yield tenant

    monkeypatch.setattr(Eraser, "tenants", counted)
    for _ in range(3):
        await sweeper.refresh()
        place.now += 61
    assert asked == 0
    for _ in range(2):
        await place.sweeper.refresh()
    assert asked == 1


async def test_of_several_replicas_one_sweeps_and_another_goes_on_when_it_is_gone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.written()
    due, swept = Orders.due, []

    async def noted(orders: Orders) -> list[Order]:
        swept.append(next(name for name, one in replicas.items() if one._orders is orders))
        return await due(orders)

    monkeypatch.setattr(Orders, "due", noted)
    replicas = {name: place.another(Days(), place.signer) for name in "abc"}
    for one in replicas.values():
        await one.refresh()
    for _ in range(5):
        for one in replicas.values():
            await one.refresh()
        place.now += 30
    assert swept == ["a"] * 3
    del replicas["a"]
    for _ in range(4):
        place.now += 30
        for one in replicas.values():
            await one.refresh()
    assert set(swept[3:]) <= {"b", "c"}
    assert len(swept) >= 5


async def test_a_turn_of_a_clock_that_is_wrong_is_none(place: Place) -> None:
    await place.written()
    orders = place.sweeper._orders
    assert await orders.turn(10**15, 60_000)
    assert await orders.turn(1_000_000, 60_000)
    assert not await orders.turn(1_059_999, 60_000)
    assert await orders.turn(1_060_000, 60_000)


async def test_what_was_ordered_long_ago_is_known_no_more(place: Place) -> None:
    await place.written()
    await place.sweeper.erase("t1")
    assert place.sweeper.cached_as("t1") != "t1"
    place.now += 31 * DAY
    await place.sweeper.refresh()
    assert place.sweeper.cached_as("t1") == "t1"
