"""The registry of companies in a real PostgreSQL: several replicas, and a server that goes away."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import jwt
import pytest
from sqlalchemy import text

from veriaidpo_gateway.companies.registry import CompanyRegistry
from veriaidpo_gateway.companies.rows import Filter
from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.database.connecting import PATIENCE, Database, DatabaseAwayError, open_database
from veriaidpo_gateway.normalisation.companies import Company, shipped_companies
from veriaidpo_gateway.normalisation.legal_forms import load_legal_forms

from .gateway_process import SECRET
from .whole_gateway import Replica, until, whole_gateway

LATER = 30.0
"""Seconds for what has no bound of its own, on a machine that may be busy with something else."""


@asynccontextmanager
async def running(url: str) -> AsyncIterator[Replica]:
    claims = {"sub": "u", "role": "admin", "tenant_id": "t1", "exp": int(time.time()) + 600}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
    async with whole_gateway(database_url=url, headers=headers) as gateway:
        yield gateway.public


@pytest.fixture
async def replica(postgres: Any) -> AsyncIterator[Callable[[], Awaitable[Replica]]]:
    async with AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(running(postgres[1]))


async def normalised(replica: Replica, sentence: str) -> str:
    answer = await replica.post("/normalize", json={"text": sentence})
    assert answer.status_code == 200
    return str(answer.json()["normalized_text"])


async def health(replica: Replica) -> Any:
    return (await replica.get("/health")).json()["components"]["company_registry"]


def reads(replica: Replica, sentence: str, expected: str) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return await normalised(replica, sentence) == expected

    return condition


async def test_many_replicas_may_start_at_once(postgres: Any) -> None:
    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(open_database(postgres[1])) for _ in range(6)]
        stores = [CompanyStore(database) for database in databases]
        await asyncio.gather(*(store.prepare() for store in stores))
        _, total = await stores[0].search(Filter(), limit=1, offset=0)
        assert total == len(shipped_companies())
        assert {await store.revision() for store in stores} == {1}


async def test_a_change_is_on_every_replica_within_five_seconds(replica: Any) -> None:
    one, two = await replica(), await replica()
    added = await one.post("/companies", json={"name": "Rồng Xanh", "aliases": ["Thanh Long"]})
    assert added.status_code == 201
    for each in (one, two):
        await until(reads(each, "Thanh Long", "[COMPANY]"))
    path = added.headers["Location"]
    changed = await two.put(path, json={"name": "Rồng Xanh"}, headers={"If-Match": added.headers["ETag"]})
    assert changed.status_code == 200
    stale = await one.delete(path, headers={"If-Match": added.headers["ETag"]})
    assert stale.status_code == 412
    for each in (one, two):
        await until(reads(each, "Thanh Long", "Thanh Long"))
    assert (await one.delete(path, headers={"If-Match": "*"})).status_code == 204
    assert (await health(one))["kind"] == "postgresql"


async def test_of_two_that_change_the_same_at_once_one_is_told(replica: Any) -> None:
    one, two = await replica(), await replica()
    path = (await one.post("/companies", json={"name": "Rồng Xanh"})).headers["Location"]
    both = (each.put(path, json={"name": "Rồng Xanh"}, headers={"If-Match": '"1"'}) for each in (one, two))
    assert sorted([answer.status_code for answer in await asyncio.gather(*both)]) == [200, 412]
    added = (each.post("/companies", json={"name": "Rồng Đỏ"}) for each in (one, two))
    assert sorted([answer.status_code for answer in await asyncio.gather(*added)]) == [201, 409]


async def test_a_database_that_ends_takes_nothing_else_with_it(replica: Any, postgres: Any) -> None:
    server, _ = postgres
    one = await replica()
    await one.post("/companies", json={"name": "Rồng Xanh"})
    await until(reads(one, "Rồng Xanh", "[COMPANY]"), LATER)
    server.stop()
    try:
        for _ in range(3):
            answer = await one.get("/companies")
            assert (answer.status_code, answer.json()["detail"]["code"]) == (503, "companies_away")
        for method, path, sent in (
            ("GET", "/companies.csv", {}),
            ("POST", "/companies", {"json": {"name": "Rồng Đỏ"}}),
            ("POST", "/companies.csv", {"content": "name\nA1\n", "headers": {"Content-Type": "text/csv"}}),
            ("DELETE", f"/companies/{'0' * 32}", {"headers": {"If-Match": "*"}}),
        ):
            assert (await one.request(method, path, **sent)).status_code == 503, (method, path)
        await until(degraded(one), LATER)
        assert await normalised(one, "Rồng Xanh") == "[COMPANY]"
    finally:
        server.start()
    await until(back(one), LATER)
    assert (await one.post("/companies", json={"name": "Rồng Đỏ"})).status_code == 201
    await until(reads(one, "Rồng Đỏ", "[COMPANY]"), LATER)


async def test_a_silent_database_is_waited_for_only_so_long(replica: Any, postgres: Any) -> None:
    server, _ = postgres
    one = await replica()
    await one.get("/companies")
    server.silence()
    started = time.monotonic()
    waiting = [asyncio.create_task(one.get("/companies")) for _ in range(8)]
    assert await normalised(one, "Vinamilk") == "[COMPANY]"
    assert not any(task.done() for task in waiting)
    answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {503}
    # What was cut off is closed as well, for which the driver takes its time.
    assert time.monotonic() - started < 4 * PATIENCE
    server.wake()
    await until(back(one), LATER)


async def test_a_gateway_starts_without_its_database(postgres: Any) -> None:
    server, url = postgres
    server.stop()
    try:
        async with running(url) as one:
            assert await normalised(one, "Vinamilk") == "[COMPANY]"
            assert (await health(one))["status"] == "degraded"
            server.start()
            await until(back(one), LATER)
            assert (await one.get("/companies")).json()["total"] == len(shipped_companies())
    finally:
        if server.process.poll() is not None:
            server.start()


def degraded(replica: Replica) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return bool((await health(replica))["status"] == "degraded")

    return condition


def back(replica: Replica) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        found = (await health(replica))["status"] == "healthy"
        return found and (await replica.get("/companies")).status_code == 200

    return condition


@pytest.fixture
async def database(postgres: Any) -> AsyncIterator[Database]:
    async with open_database(postgres[1]) as opened:
        yield opened


async def test_tables_of_a_newer_version_are_left_alone(database: Database) -> None:
    store = CompanyStore(database)
    await store.prepare()
    async with database.begin() as connection:
        await connection.execute(text("UPDATE veriaidpo_gateway_version SET version_num = 'newer'"))
    await store.prepare()
    assert await store.revision() == 1


async def test_a_database_that_cannot_be_used_is_away(postgres: Any) -> None:
    for url in (postgres[0].url("nowhere"), "postgresql://nobody@127.0.0.1:1/x"):
        async with open_database(url) as database:
            with pytest.raises(DatabaseAwayError):
                await CompanyStore(database).prepare()


async def test_an_import_is_taken_whole_and_kept_apart_from_what_is_shipped(database: Database) -> None:
    store = CompanyStore(database)
    await store.prepare()
    shipped = shipped_companies()[0]
    done = await store.take([Company("Rồng Xanh", "", ""), Company(shipped.name.upper(), "x", "y")])
    assert (done.added, done.changed, done.unchanged) == (1, 1, 0)
    found, _ = await store.search(Filter(industry="x"), limit=9, offset=0)
    assert [(entry.company.name, entry.origin) for entry in found] == [(shipped.name.upper(), "shipped")]


async def test_a_large_registry_is_learnt_while_others_have_their_turns(database: Database) -> None:
    store = CompanyStore(database)
    await store.prepare()
    names = [Company(f"Công ty Số {i}", "x", "y", (f"Thương hiệu {i}",)) for i in range(10_000)]
    assert (await store.take(names)).added == len(names)
    registry = CompanyRegistry(store, load_legal_forms())
    turns = 0

    async def somebody_else() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    task = asyncio.create_task(somebody_else())
    await registry.refresh()
    task.cancel()
    assert turns >= 20
    assert registry.size == len(names) + len(shipped_companies())
    assert registry("thuong hieu 9999").text == "[COMPANY]"
