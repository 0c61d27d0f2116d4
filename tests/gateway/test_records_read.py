"""`GET /records`: the caller's own tenant's, page by page or as lines, found by what is asked for."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from jsonschema import Draft202012Validator

from veriaidpo_gateway.database.connecting import DatabaseAwayError, open_database
from veriaidpo_gateway.exchange import Exchange
from veriaidpo_gateway.http import streaming
from veriaidpo_gateway.http.record_streaming import StreamedRecords
from veriaidpo_gateway.records.looking import Wanted
from veriaidpo_gateway.records.reading import RecordReader
from veriaidpo_gateway.records.rows import Row
from veriaidpo_gateway.records.store import RecordStore

from .conftest import REVISION
from .recording import Recording


async def asked(
    here: Recording, bearer: Any, many: int = 5, *, tenant: str = "t1", sub: str = "anna"
) -> None:
    for number in range(many):
        headers = {**bearer(tenant_id=tenant, sub=sub), "X-Request-Id": f"{tenant}-{sub}-{number:04}"}
        assert (await here.gateway.classify(f"câu {number}", headers)).status_code == 200
    await here.gateway.refresh()


async def get(here: Recording, headers: dict[str, str], query: str = "") -> Any:
    answer = await here.gateway.public.get(f"/api/v1/veriaidpo/records{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def requests(page: Any) -> list[str]:
    return [record["request_id"] for record in page["records"]]


async def test_the_newest_come_first_and_pages_hold_each_record_once(recording: Any, bearer: Any) -> None:
    async with recording() as here:
        await asked(here, bearer)
        found, after, pages = [], "", 0
        while True:
            page = await get(here, bearer("auditor"), f"?limit=2{after}")
            found += requests(page)
            pages += 1
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
    assert found == [f"t1-anna-{number:04}" for number in (4, 3, 2, 1, 0)]
    assert pages == 3


async def test_one_tenant_sees_nothing_of_another(recording: Any, bearer: Any) -> None:
    async with recording() as here:
        await asked(here, bearer, tenant="t1")
        await asked(here, bearer, tenant="t2")
        mine = await get(here, bearer("auditor", tenant_id="t2"))
        place = (await get(here, bearer("auditor", tenant_id="t1"), "?limit=1"))["next"]
        behind = await get(here, bearer("auditor", tenant_id="t2"), f"?after={place}")
        named = await get(here, bearer("auditor", tenant_id="t2"), "?request_id=t1-anna-0001")
    assert {record["tenant"] for record in mine["records"] + behind["records"]} == {"t2"}
    assert named["records"] == []


async def test_records_are_found_by_what_they_say(recording: Any, bearer: Any, model_resource: Any) -> None:
    unsure = model_resource("consent-vi", model_type="consent", spec={"threshold": 0.9})
    async with recording(resources=[model_resource(), unsure]) as here:
        await asked(here, bearer, 3)
        await asked(here, bearer, 2, sub="binh")
        await here.gateway.classify("câu", bearer(), model_type="consent")
        await here.gateway.refresh()
        auditor = bearer("auditor")
        everything = (await get(here, auditor))["records"]
        queue = (await get(here, auditor, "?needs_review=true"))["records"]
        sure = (await get(here, auditor, "?needs_review=false"))["records"]
        by_type = (await get(here, auditor, "?model_type=consent"))["records"]
        by_subject = await get(here, auditor, "?subject=binh")
        by_request = await get(here, auditor, "?request_id=t1-anna-0001")
        middle = everything[3]["time"]
        since = (await get(here, auditor, f"?since={middle}"))["records"]
        until = (await get(here, auditor, f"?until={middle}"))["records"]
    assert [record["model_type"] for record in queue] == ["consent"]
    assert queue == by_type
    assert len(sure) == 5
    assert requests(by_subject) == ["t1-binh-0001", "t1-binh-0000"]
    assert requests(by_request) == ["t1-anna-0001"]
    assert {record["request_id"] for record in since}.isdisjoint(record["request_id"] for record in until)
    assert len(since) + len(until) == len(everything)


ELSEWHERE = "6" * 64


async def some_of_several(here: Any, bearer: Any) -> None:
    """Ask for one classifier and for all, in turn; of consent another revision answers later on."""
    for number in range(3):
        headers = {"X-Request-Id": f"alone-{number:04}", **bearer()}
        await here.gateway.classify("câu", headers, model_type="consent")
        headers = {"X-Request-Id": f"every-{number:04}", **bearer()}
        await here.gateway.public.post("/classify-all", json={"text": f"câu {number}"}, headers=headers)
        headers = {"X-Request-Id": f"other-{number:04}", **bearer()}
        await here.gateway.classify("câu", headers)
    await here.gateway.refresh()


async def listed(here: Any, bearer: Any, query: str) -> list[str]:
    """Read all pages, two records each; the same as lines."""
    found, after = [], ""
    while True:
        page = await get(here, bearer("auditor"), f"{query}&limit=2{after}")
        found += requests(page)
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    headers = {**bearer("auditor"), "Accept": "application/x-ndjson"}
    lines = (await here.gateway.public.get(f"/records{query}", headers=headers)).text.splitlines()
    assert [json.loads(line)["request_id"] for line in lines[:-1]] == found
    return found


@pytest.mark.parametrize("looked_through", [1, 2, 2_000])
async def test_an_answer_among_several_is_found_by_its_type_and_revision(
    recording: Any, bearer: Any, model_resource: Any, monkeypatch: pytest.MonkeyPatch, looked_through: int
) -> None:
    monkeypatch.setattr("veriaidpo_gateway.records.reading.LOOKED_THROUGH", looked_through)
    consent = model_resource("consent-vi", model_type="consent", aliases=("consent_type",))
    async with recording(resources=[model_resource(), consent]) as here:
        await some_of_several(here, bearer)
        of_consent = [f"{one}-{number:04}" for number in (2, 1, 0) for one in ("every", "alone")]
        of_both = [f"every-{number:04}" for number in (2, 1, 0)]
        alone = [f"alone-{number:04}" for number in (2, 1, 0)]
        assert await listed(here, bearer, "?model_type=consent") == of_consent
        assert await listed(here, bearer, "?model_type=consent_type") == of_consent
        assert await listed(here, bearer, "?model_type=Consent") == []
        assert await listed(here, bearer, f"?model_type=consent&model_revision={REVISION}") == of_consent
        assert len(await listed(here, bearer, f"?model_revision={REVISION}")) == 9
        assert await listed(here, bearer, f"?model_revision={ELSEWHERE}") == []
        assert await listed(here, bearer, "?model_type=consent&subject=u1") == of_consent
        assert await listed(here, bearer, "?model_type=consent&subject=nobody") == []
        for name, fits in (("alone-0001", True), ("every-0001", True), ("other-0001", False)):
            found = await listed(here, bearer, f"?model_type=consent&request_id={name}")
            assert found == [name] * fits
    assert [one for one in of_consent if one not in alone] == of_both


async def test_type_and_revision_are_those_of_one_answer(
    recording: Any, bearer: Any, model_resource: Any, predictor: Any
) -> None:
    consent = model_resource("consent-vi", model_type="consent", revision=ELSEWHERE)
    answer = predictor.body

    def of_its_own(request: Any) -> Any:
        body = answer(request)
        if "consent" in request.url.path:
            body["parameters"]["model_revision"] = ELSEWHERE
        return httpx.Response(200, json=body)

    predictor.answer = of_its_own
    async with recording(resources=[model_resource(), consent]) as here:
        await some_of_several(here, bearer)
        assert len(await listed(here, bearer, f"?model_type=consent&model_revision={ELSEWHERE}")) == 6
        assert len(await listed(here, bearer, f"?model_type=consent&model_revision={REVISION}")) == 0
        assert len(await listed(here, bearer, f"?model_revision={ELSEWHERE}")) == 6


async def test_as_lines_all_of_them_come_at_once(
    recording: Any, bearer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("veriaidpo_gateway.records.reading._TOGETHER", 2)
    async with recording() as here:
        await asked(here, bearer)
        headers = {**bearer("auditor"), "Accept": "application/x-ndjson"}
        answer = await here.gateway.public.get("/records", headers=headers)
        page = await get(here, bearer("auditor"))
    assert answer.headers["content-type"] == "application/x-ndjson"
    *records, last = [json.loads(line) for line in answer.text.splitlines()]
    assert records == page["records"]
    end = {"request_id": answer.headers["X-Request-Id"], "stream_ended": True, "complete": True, "records": 5}
    assert last == end


@pytest.mark.parametrize(("trouble", "code"), [("away", "records_away"), ("revoked", "unauthenticated")])
async def test_lines_that_end_too_early_say_so(
    recording: Any, bearer: Any, monkeypatch: pytest.MonkeyPatch, trouble: str, code: str
) -> None:
    monkeypatch.setattr("veriaidpo_gateway.records.reading._TOGETHER", 2)
    monkeypatch.setattr(streaming, "LOOKED_AT_EVERY", 0.0)
    auditor = bearer("auditor", jti="stolen")
    async with recording() as here:
        await asked(here, bearer)
        pages = RecordReader.pages

        async def troubled(self: RecordReader, tenant: str, wanted: Wanted) -> AsyncIterator[list[Row]]:
            number = 0
            async for rows in pages(self, tenant, wanted):
                if number == 1 and trouble == "away":
                    raise DatabaseAwayError
                if number == 1:
                    body = {"jti": "stolen", "exp": int(time.time()) + 600}
                    await here.gateway.public.post("/revocations", json=body, headers=bearer("admin"))
                number += 1
                yield rows

        monkeypatch.setattr(RecordReader, "pages", troubled)
        answer = await here.gateway.public.get(
            "/records", headers={**auditor, "Accept": "application/x-ndjson"}
        )
    *records, last = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.status_code == 200
    assert len(records) == last["records"] == 2
    assert (last["detail"]["code"], last["stream_ended"], last["complete"]) == (code, True, False)


async def test_who_reads_no_lines_is_let_go(
    recording: Any, bearer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "IDLE_SECONDS", 0.05)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) > 1:
            await asyncio.Event().wait()

    async with recording() as here:
        await asked(here, bearer)
        exchange = Exchange("r1", 0.0)
        pages = RecordReader(here.database).pages("t1", Wanted())
        answer = StreamedRecords(exchange, pages, look=lambda: None, detail=lambda _: {})
        await (await answer.begun())({}, None, send)  # type: ignore[arg-type]
    assert (exchange.code, len(sent)) == ("body_timeout", 2)


async def test_the_description_is_true(recording: Any, bearer: Any, model_resource: Any) -> None:
    async with recording(resources=[model_resource(), model_resource("c", model_type="consent")]) as here:
        await asked(here, bearer, 1)
        await here.gateway.public.post("/classify-all", json={"text": "a"}, headers=bearer())
        await here.gateway.refresh()
        document = (await here.gateway.public.get("/openapi.json")).json()
        described = document["paths"]["/records"]["get"]["responses"]["200"]["content"]["application/json"]
        page = await get(here, bearer("auditor"))
    assert [record["model_type"] for record in page["records"]] == [None, "principles"]
    schema = {**described["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(page)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?limit=0", 422),
        ("?limit=201", 422),
        ("?since=yesterday", 422),
        ("?since=2026-11-28T08:00:00", 422),
        ("?after=1-2-3", 422),
        ("?needs_review=maybe", 422),
        ("?tenant=t2", 422),
        ("?subject=%00", 422),
        ("?since=2026-11-28T08:00:00Z", 200),
    ],
)
async def test_a_query_is_checked(recording: Any, bearer: Any, query: str, status: int) -> None:
    async with recording() as here:
        await here.gateway.refresh()
        answer = await here.gateway.public.get(f"/records{query}", headers=bearer("auditor"))
        assert answer.status_code == status, answer.text


async def test_who_may_not_audit_reads_none(recording: Any, bearer: Any) -> None:
    async with recording() as here:
        assert (await here.gateway.public.get("/records", headers=bearer("staff"))).status_code == 403
        assert (await here.gateway.public.get("/records")).status_code == 401


async def test_where_nothing_is_recorded_that_is_said(gateway: Any, bearer: Any) -> None:
    answer = await gateway.public.get("/records", headers=bearer("auditor"))
    assert answer.status_code == 404
    assert answer.json()["detail"]["code"] == "no_records"


async def test_one_of_very_many_is_found_without_going_through_them_all(tmp_path: Path) -> None:
    file, sent = tmp_path / "records.db", list[tuple[str, Any]]()
    async with open_database(f"sqlite:///{file}") as database:
        await RecordStore(database).prepare()
        engine = database._engine.sync_engine  # what reaches the driver
        sa.event.listen(engine, "before_cursor_execute", lambda *said: sent.append(said[2:4]))
        await RecordReader(database).page("t1", Wanted(request_id="r1"), limit=50)
    statement, values = sent[-1]
    with sqlite3.connect(file) as connection:
        plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    connection.close()
    assert any("decision_record_of_request" in step for step in plan)
