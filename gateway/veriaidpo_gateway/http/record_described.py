"""The description of the routes of records."""

from typing import Any

from veriaidpo_gateway.classification.bodies import Body
from veriaidpo_gateway.http import openapi
from veriaidpo_gateway.http.record_bodies import Erasure, ErasureQuery, RecordPage, RecordQuery
from veriaidpo_gateway.http.responses import CLASSIFY_RESPONSES, DIGEST
from veriaidpo_gateway.identity import access

_RECORD: dict[str, Any] = {
    "chain": "4f1d9c0a7be2c815",
    "position": 1042,
    "time": "2026-11-28T08:00:00.000Z",
    "request_id": "0b7c7f2e-3a58-4f0e-9d3b-6a4f1c2d8e90",
    "item": None,
    "tenant": "shopee",
    "subject": "anna",
    "model": "principles-vi",
    "model_type": "principles",
    "language": "vi",
    "model_revision": DIGEST,
    "label": "lawfulness",
    "category_id": 0,
    "confidence": 0.61,
    "threshold": 0.7,
    "needs_review": True,
    "cached": False,
    "normaliser": "3:1f9a",
    "text_hash": "b1946ac92492d2347c6235b4d2611184a0d8f2b4c6e8f0a2b4c6d8e0f2a4b6c8",
    "answers": None,
    "salt": "00112233445566778899aabbccddeeff",
    "row_hash": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "link": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
}
_DESCRIPTION = """\
What was answered for the caller's tenant, the newest first: when, by whose question, by which model, which
bytes of it and which rule; never the text, of which there is a keyed hash. A page's `next` is the `after` of
the one that follows. With `Accept: application/x-ndjson` all that fits comes in one answer, a record a line,
and `limit` and `after` change nothing; the last line says `stream_ended`, `complete` and how many `records`
came before it: without it the stream was cut. It ends with its token, and where nothing is read for 30 s.
A record is there within a second of its answer. What was erased is not shown.

A record of `/classify-all` fits `model_type` and `model_revision` when one of its answers does. For a page of
these at most 2,000 records are looked through: it may hold fewer than `limit`, even none, and have a `next`.

`needs_review=true` is the queue of answers that were less sure than their model's threshold.
"""
NO_RECORDS = openapi.error(
    "This installation keeps no records",
    {
        "code": "no_records",
        "error": "This installation keeps no decision records",
        "error_vi": "Hệ thống này không lưu bản ghi quyết định",
    },
)
AWAY = openapi.error(
    "The database is away; answers are recorded all the same",
    {
        "code": "records_away",
        "error": "The decision records cannot be read or erased at the moment",
        "error_vi": "Hiện không thể đọc hoặc xóa các bản ghi quyết định",
    },
    "Retry-After",
)


def _query(kind: type[Body]) -> list[dict[str, Any]]:
    schema = kind.model_json_schema()["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": one} for name, one in schema.items()]


PAGE: dict[str, Any] = {
    "summary": "Look through the decision records of one's own tenant",
    "description": _DESCRIPTION,
    "response_model": RecordPage,
    "responses": {
        200: {
            "model": RecordPage,
            "description": "A page of records, or all of them as lines",
            "content": {
                "application/json": {"example": {"records": [_RECORD], "next": None}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        },
        401: CLASSIFY_RESPONSES[401],
        403: openapi.forbidden(access.AUDIT, "staff", access.of_role("staff")),
        404: NO_RECORDS,
        422: CLASSIFY_RESPONSES[422],
        429: CLASSIFY_RESPONSES[429],
        503: AWAY,
    },
    "openapi_extra": {**openapi.SECURED, "parameters": _query(RecordQuery)},
}

_ERASED: dict[str, Any] = {
    "tenant": "shopee",
    "subject": None,
    "before": "2026-11-28T08:00:00.000Z",
    "recorded": True,
    "records": 1042,
    "receipts": ["eyJhbGciOiJFUzI1NiJ9.eyJyZWFzb24iOiJyZXF1ZXN0In0.c2lnbmF0dXJl"],
    "complete": True,
}
_ERASE_DESCRIPTION = """\
Erases what decision records say of the caller's own tenant, and makes its cached results unfindable. What
stays of a record is its hash, so that the chain goes on proving that nothing else was touched; a signed
receipt says which hashes had to go. What was answered before and turns up later, from a replica that could
not reach the database, goes with the next minute's sweep. Answers that come afterwards are recorded again.

Cached results of before are not found any more: at once on the replica that answered, within 5 s on the
others. Where nothing is recorded that is all there is to erase, and `recorded` is false.

`subject` erases one person's records alone: who asked, with everything that these records say. The receipt
holds a keyed hash of the subject. Cached results stay then until their time is over: each is a label under a
keyed name, and nothing in it says who asked. Where nothing is recorded there is nothing of a person: 404. The
order itself names the person for 30 days, for records that turn up later, and is then forgotten.
"""


def _erased(description: str, *, complete: bool) -> dict[str, Any]:
    return {
        "model": Erasure,
        "description": description,
        "content": {"application/json": {"example": {**_ERASED, "complete": complete}}},
    }


ERASE: dict[str, Any] = {
    "summary": "Erase the data of one's own tenant, or of one person there",
    "description": _ERASE_DESCRIPTION,
    "response_model": Erasure,
    "responses": {
        200: _erased("All of it is gone", complete=True),
        202: _erased(
            "There was more than goes within 20 s, or Redis is away: the rest follows",
            complete=False,
        ),
        401: CLASSIFY_RESPONSES[401],
        403: openapi.forbidden(access.ADMINISTER, "dpo", access.of_role("dpo")),
        404: NO_RECORDS,
        422: CLASSIFY_RESPONSES[422],
        429: CLASSIFY_RESPONSES[429],
        503: AWAY,
    },
    "openapi_extra": {
        **openapi.SECURED,
        "parameters": [
            {
                "name": "tenant_id",
                "in": "path",
                "required": True,
                "description": "The caller's own: another one is a 403",
                "schema": {"type": "string"},
            },
            *_query(ErasureQuery),
        ],
    },
}
