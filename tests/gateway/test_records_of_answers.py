"""Each answer leaves one record: of whom, which model, which bytes and which rule, and never the text."""

import json
from pathlib import Path
from typing import Any

from veriaidpo_gateway.database.connecting import open_database

from .conftest import REVISION
from .recording import verified

TEXT = "Shopee VN thu thập email khách hàng"


def in_any_file(folder: Path, words: str) -> bool:
    return any(words.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_record_says_who_asked_what_answered_and_by_which_rule(
    recording: Any, bearer: Any, model_resource: Any
) -> None:
    async with recording(resources=[model_resource(spec={"threshold": 0.9})]) as here:
        headers = {**bearer(sub="anna", tenant_id="t7"), "X-Request-Id": "request-0001"}
        assert (await here.gateway.classify(TEXT, headers)).status_code == 200
        assert (await here.gateway.classify(TEXT, headers)).json()["cached"]
        first, second = await here.records()
    assert (first.tenant, first.subject, first.request_id, first.item) == ("t7", "anna", "request-0001", None)
    assert (first.model, first.model_type, first.language) == ("principles-vi", "principles", "vi")
    assert (first.revision, first.label, first.category_id) == (REVISION, "l2", 2)
    assert (first.confidence, first.threshold, first.needs_review) == (800_000, 900_000, 1)
    assert (first.cached, second.cached) == (0, 1)
    assert first.text_hash == second.text_hash
    assert first.salt != second.salt
    assert first.normaliser


async def test_the_text_is_nowhere_and_two_tenants_hashes_of_it_differ(
    recording: Any, bearer: Any, tmp_path: Path
) -> None:
    async with recording() as here:
        for tenant in ("t1", "t2"):
            await here.gateway.classify("Nguyễn Văn A, số 079203001234", bearer(tenant_id=tenant))
        one, other = await here.records()
    assert one.text_hash != other.text_hash
    assert not in_any_file(tmp_path, "079203001234")
    assert not in_any_file(tmp_path, "Nguyễn Văn A")
    assert in_any_file(tmp_path, "principles-vi")


async def test_each_item_of_a_batch_has_its_record_and_a_failed_one_has_none(
    recording: Any, bearer: Any
) -> None:
    body = {"items": [{"text": "a"}, {"text": ""}, {"text": "b"}, {"text": "a"}]}
    async with recording() as here:
        answer = await here.gateway.public.post("/batch-classify", json=body, headers=bearer())
        assert answer.json()["failed"] == 1
        records = await here.records()
    assert [record.item for record in records] == [1, 3, 4]
    assert len({record.request_id for record in records}) == 1


async def test_each_line_of_a_stream_has_its_record(recording: Any, bearer: Any) -> None:
    lines = "\n".join(json.dumps({"text": f"câu {number}"}) for number in range(70))
    async with recording() as here:
        headers = {**bearer(), "Content-Type": "application/x-ndjson"}
        await here.gateway.public.post("/batch-classify", content=lines.encode(), headers=headers)
        records = await here.records()
    assert sorted(record.item or 0 for record in records) == list(range(1, 71))


async def test_a_text_for_every_classifier_has_one_record(
    recording: Any, bearer: Any, model_resource: Any
) -> None:
    resources = [
        model_resource(spec={"threshold": 0.9}),
        model_resource("consent-vi", model_type="consent"),
        model_resource("company-normalizer-vi", model_type="company_normalizer", task="token-classification"),
    ]
    async with recording(resources=resources) as here:
        await here.gateway.public.post("/classify-all", json={"text": TEXT}, headers=bearer())
        (record,) = await here.records()
    assert (record.model_type, record.label, record.needs_review) == (None, None, 1)
    answers = json.loads(record.answers or "")
    assert [(one["model_type"], one["label"]) for one in answers] == [("consent", "l2"), ("principles", "l2")]


async def test_who_gets_no_answer_leaves_no_record(recording: Any, bearer: Any, predictor: Any) -> None:
    async with recording() as here:
        await here.gateway.classify("", bearer())
        await here.gateway.classify(TEXT, bearer("viewer"))
        await here.gateway.public.post("/normalize", json={"text": TEXT}, headers=bearer("dpo"))
        assert not await here.records()


async def test_what_was_written_is_proven_and_the_end_is_signed(
    recording: Any, bearer: Any, tmp_path: Path
) -> None:
    async with recording() as here:
        for number in range(7):
            await here.gateway.classify(f"câu {number}", bearer())
        health = (await here.gateway.public.get("/health")).json()["components"]["records"]
        public = here.public
    assert health["status"] == "healthy"
    async with open_database(f"sqlite:///{tmp_path / 'records.db'}") as database:
        report = await verified(database, public)
    assert not report.findings
    assert (report.rows, report.unsigned_rows, report.open_chains) == (7, 0, 0)


async def test_an_answer_whose_explanation_was_refused_was_not_given_and_leaves_none(
    recording: Any, bearer: Any
) -> None:
    async with recording(per_user=8, deadline=0.5) as here:
        answers = [await here.gateway.classify(TEXT, bearer(), explain=True) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        records = await here.records()
    assert [record.request_id for record in records] == [answers[0].headers["X-Request-Id"]]
