"""A tenant's data goes when it must: what is left proves that nothing else was touched."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.records import tables
from veriaidpo_gateway.records.answered import Answered, SubjectHash, TextHash
from veriaidpo_gateway.records.erasing import Eraser
from veriaidpo_gateway.records.ordering import Orders
from veriaidpo_gateway.records.recorder import Recorder
from veriaidpo_gateway.records.rows import Row
from veriaidpo_gateway.records.signing import Signer
from veriaidpo_gateway.records.store import RecordStore
from veriaidpo_gateway.records.sweeping import Sweeper

from .recording import Days, counts, rows_in, signing_key, verified
from .test_records_kept import answered

DAY = 86_400.0


KEY = b"k" * 32


def of(tenant: str, number: int, *, at: float | None = None, subject: str = "anna") -> Answered:
    one = answered(number)
    return one._replace(caller=Caller(subject, "staff", tenant), time=at or one.time)


class Place:
    """A database in memory with a recorder and a sweeper, at a time of the test's own."""

    def __init__(self, folder: Path, database: Any, days: dict[str, int] | None = None) -> None:
        key, self.public = signing_key(folder)
        self.now, self.database, signer = 1_795_100_000.0, database, Signer(key, "KEY")
        self.signer = signer
        self.recorder = Recorder(
            RecordStore(database),
            signer=signer,
            text_hash=TextHash(KEY),
            counts=counts(),
            clock=lambda: self.now,
        )
        self.sweeper = self.another(Days(days or {}), signer)

    def another(self, days: Days, signer: Signer) -> Sweeper:
        """Make what sweeps in another replica."""
        orders, eraser = Orders(self.database), Eraser(self.database, signer, SubjectHash(KEY))
        return Sweeper(orders, eraser, self.recorder, days, clock=lambda: self.now)

    async def written(self, *answers: Answered) -> list[Row]:
        for one in answers:
            self.recorder.add(one)
        await self.recorder.refresh()
        return await rows_in(self.database)


WHO = [("t1", "anna"), ("t1", "binh"), ("t2", "anna")]
who_asked = st.lists(st.sampled_from(WHO), min_size=1, max_size=40)
who_goes = st.sampled_from(["anna", None])
erased_together = st.integers(1, 7)


async def only_what_had_to_go_changes(
    database: Any, asked: list[tuple[str, str]], subject: str | None, together: int
) -> None:
    """Record answers of two tenants in an empty database, erase one tenant or a person of it, look at all."""
    gone = [tenant == "t1" and subject in (None, who) for tenant, who in asked]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("veriaidpo_gateway.records.erasing.TOGETHER", together)
        place = Place(Path(folder), database)
        answers = (of(tenant, number, subject=who) for number, (tenant, who) in enumerate(asked))
        before = await place.written(*answers)
        erased = await place.sweeper.erase("t1", subject)
        after = await rows_in(database)
        report = await verified(database, place.public)
    assert erased.complete
    assert erased.rows == report.erased == sum(gone)
    assert not report.findings
    for went, was, now in zip(gone, before, after, strict=True):
        if went:
            assert now == was._replace(contents=None, receipt=now.receipt)
            assert now.receipt is not None
        else:
            assert now == was


@settings(max_examples=25, deadline=None)
@given(who_asked, who_goes, erased_together)
def test_nothing_of_another_tenant_or_person_is_touched_and_the_chain_still_proves(
    asked: list[tuple[str, str]], subject: str | None, together: int
) -> None:
    async def erase() -> None:
        async with open_database(None) as database:
            await only_what_had_to_go_changes(database, asked, subject, together)

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


async def test_a_persons_records_that_turn_up_later_go_too_until_nobody_knows_whom_it_was_about(
    place: Place,
) -> None:
    await place.written(of("t1", 1), of("t1", 2, subject="binh"))
    begun = place.now
    assert (await place.sweeper.erase("t1", "anna")).rows == 1
    late = of("t1", 3), of("t1", 4, at=begun + 10), of("t1", 5, subject="binh")
    await place.written(*late)
    await place.sweeper.refresh()
    await place.sweeper.refresh()
    left = [row.contents.request_id for row in await rows_in(place.database) if row.contents]
    assert left == ["request-2", "request-4", "request-5"]
    assert not (await verified(place.database, place.public)).findings
    place.now += 31 * DAY
    await place.sweeper.refresh()
    async with place.database.begin() as connection:
        assert (await connection.execute(sa.select(tables.subject_erasure))).all() == []


async def test_a_receipt_says_whose_records_went_to_nobody_but_who_has_the_key(place: Place) -> None:
    await place.written(of("t1", 1))
    [signed] = (await place.sweeper.erase("t1", "anna")).receipts
    receipt = place.public.receipt(signed)
    assert receipt.subject == SubjectHash(KEY)("t1", "anna")
    assert receipt.subject not in (TextHash(KEY)("t1", "anna"), SubjectHash(KEY)("t2", "anna"))
    assert "anna" not in str(receipt)
    await place.written(of("t1", 2))
    [signed] = (await place.sweeper.erase("t1")).receipts
    assert place.public.receipt(signed).subject is None


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


async def test_over_http_one_persons_records_go_and_cached_results_name_nobody(
    recording: Any, bearer: Any
) -> None:
    async with recording() as here:
        for who in ("anna", "binh"):
            await here.gateway.classify("một câu", bearer(sub=who))
        await here.gateway.refresh()
        path = "/api/v1/tenants/t1/data?subject=anna"
        answer = await here.gateway.public.delete(path, headers=bearer("admin"))
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert (said["subject"], said["records"], said["complete"]) == ("anna", 1, True)
        page = (await here.gateway.public.get("/records", headers=bearer("auditor"))).json()
        assert [record["subject"] for record in page["records"]] == ["binh"]
        assert (await here.gateway.classify("một câu", bearer())).json()["cached"]


@pytest.mark.parametrize("query", ["?subject=", "?subjekt=anna", "?subject=a&subject=b", "?subject=%00"])
async def test_a_slip_of_the_pen_erases_nobody(recording: Any, bearer: Any, query: str) -> None:
    async with recording() as here:
        await here.gateway.classify("một câu", bearer())
        await here.gateway.refresh()
        answer = await here.gateway.public.delete(f"/tenants/t1/data{query}", headers=bearer("admin"))
        assert answer.status_code == 422, answer.text
        assert len(await here.records()) == 1


async def test_where_nothing_is_recorded_there_is_nothing_of_a_person(gateway: Any, bearer: Any) -> None:
    await gateway.classify("một câu", bearer())
    answer = await gateway.public.delete("/tenants/t1/data?subject=anna", headers=bearer("admin"))
    assert (answer.status_code, answer.json()["detail"]["code"]) == (404, "no_records")
    assert (await gateway.classify("một câu", bearer())).json()["cached"]


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
