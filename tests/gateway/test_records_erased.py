"""A tenant's data goes when it must: what is left proves that nothing else was touched."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.records.answered import Answered, TextHash
from veriaidpo_gateway.records.erasing import Eraser
from veriaidpo_gateway.records.recorder import Recorder
from veriaidpo_gateway.records.rows import Row
from veriaidpo_gateway.records.signing import Signer
from veriaidpo_gateway.records.store import RecordStore
from veriaidpo_gateway.records.sweeping import Sweeper

from .recording import counts, rows_in, signing_key, verified
from .test_records_kept import answered

DAY = 86_400.0


def of(tenant: str, number: int, *, at: float | None = None) -> Answered:
    one = answered(number)
    return one._replace(caller=Caller(f"user-of-{tenant}", "staff", tenant), time=at or one.time)


class Place:
    """A database in memory with a recorder and a sweeper, at a time of the test's own."""

    def __init__(self, folder: Path, database: Any, days: dict[str, int] | None = None) -> None:
        key, self.public = signing_key(folder)
        self.now, self.database, signer = 1_795_100_000.0, database, Signer(key, "KEY")
        self.recorder = Recorder(
            RecordStore(database),
            signer=signer,
            text_hash=TextHash(b"k" * 32),
            counts=counts(),
            clock=lambda: self.now,
        )
        kept = days or {}
        self.sweeper = Sweeper(
            Eraser(database, signer),
            self.recorder,
            lambda tenant: kept.get(tenant, 0),
            clock=lambda: self.now,
        )

    async def written(self, *answers: Answered) -> list[Row]:
        for one in answers:
            self.recorder.add(one)
        await self.recorder.refresh()
        return await rows_in(self.database)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["t1", "t2"]), min_size=1, max_size=40), st.integers(1, 7))
def test_nothing_of_another_tenant_is_touched_and_the_chain_still_proves(
    tenants: list[str], together: int
) -> None:
    async def erase() -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr("veriaidpo_gateway.records.erasing.TOGETHER", together)
            async with open_database(None) as database:
                place = Place(Path(folder), database)
                before = await place.written(*(of(tenant, number) for number, tenant in enumerate(tenants)))
                erased = await place.sweeper.erase("t1")
                after = await rows_in(database)
                report = await verified(database, place.public)
        assert erased.complete
        assert erased.rows == report.erased == tenants.count("t1")
        assert not report.findings
        for tenant, was, now in zip(tenants, before, after, strict=True):
            if tenant == "t2":
                assert now == was
            else:
                assert now == was._replace(contents=None, receipt=now.receipt)
                assert now.receipt is not None

    asyncio.run(erase())


@pytest.fixture
async def place(tmp_path: Path) -> Any:
    async with open_database(None) as database:
        yield Place(tmp_path, database, {"short": 30, "long": 365})


async def test_what_turns_up_after_the_erasure_goes_with_the_next_sweep(place: Place) -> None:
    await place.written(of("t1", 1), of("t2", 2))
    await place.sweeper.erase("t1")
    late, new = of("t1", 3), of("t1", 4, at=place.now + 10)
    await place.written(late, new)
    await place.sweeper.refresh()
    place.now += 61
    await place.sweeper.refresh()
    left = [row.contents.request_id for row in await rows_in(place.database) if row.contents]
    assert left == ["request-2", "request-4"]
    assert not (await verified(place.database, place.public)).findings


async def test_each_tenants_records_are_kept_for_as_long_as_its_plan_says(place: Place) -> None:
    tenants = ("short", "long", "ever")
    for age in (20, 40, 400):
        at = place.now - age * DAY
        await place.written(*(of(tenant, age, at=at) for tenant in tenants))
    for _ in range(2):
        await place.sweeper.refresh()
    said = [row.contents for row in await rows_in(place.database) if row.contents is not None]
    left = {(one.tenant, one.request_id) for one in said}
    assert left == {
        ("short", "request-20"),
        *(("long", f"request-{age}") for age in (20, 40)),
        *(("ever", f"request-{age}") for age in (20, 40, 400)),
    }
    report = await verified(place.database, place.public)
    assert (report.findings, report.erased) == ({}, 3)


async def test_over_http_records_go_and_cached_results_are_not_found_any_more(
    recording: Any, bearer: Any
) -> None:
    async def cached(here: Any, tenant: str) -> bool:
        answer = await here.gateway.classify("một câu", bearer(tenant_id=tenant))
        found: bool = answer.json()["cached"]
        return found

    async with recording() as here:
        await here.gateway.refresh()
        for tenant in ("t1", "t2"):
            assert [await cached(here, tenant) for _ in range(2)] == [False, True]
        answer = await here.gateway.public.delete("/api/v1/tenants/t1/data", headers=bearer("admin"))
        assert answer.status_code == 200, answer.text
        receipt = answer.json()
        assert (receipt["tenant"], receipt["records"], receipt["complete"]) == ("t1", 2, True)
        assert here.public.receipt(receipt["receipts"][0]).rows == 2
        auditor = bearer("auditor")
        assert (await here.gateway.public.get("/records", headers=auditor)).json()["records"] == []
        assert not await cached(here, "t1")
        assert await cached(here, "t2")
        await here.gateway.refresh()
        assert not (await verified(here.database, here.public)).findings


async def test_where_nothing_is_recorded_cached_results_alone_are_erased(gateway: Any, bearer: Any) -> None:
    for tenant in ("t1", "t2"):
        await gateway.classify("một câu", bearer(tenant_id=tenant))
    answer = await gateway.public.delete("/tenants/t1/data", headers=bearer("admin"))
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["recorded"], said["records"], said["receipts"], said["complete"]) == (False, 0, [], True)
    for tenant, cached in (("t1", False), ("t2", True), ("t1", True)):
        found = await gateway.classify("một câu", bearer(tenant_id=tenant))
        assert found.json()["cached"] is cached
    assert (await gateway.public.delete("/tenants/t2/data", headers=bearer("admin"))).status_code == 403


async def test_only_an_administrator_of_the_tenant_itself_may_erase(recording: Any, bearer: Any) -> None:
    async with recording() as here:
        await here.gateway.refresh()
        of_others = await here.gateway.public.delete("/tenants/t2/data", headers=bearer("admin"))
        by_others = await here.gateway.public.delete("/tenants/t1/data", headers=bearer("dpo"))
    assert (of_others.status_code, of_others.json()["detail"]["code"]) == (403, "other_tenant")
    assert (by_others.status_code, by_others.json()["detail"]["code"]) == (403, "permission_denied")
