"""The description of companies as CSV, both ways."""

from typing import Any

from veriaidpo_gateway.http import openapi
from veriaidpo_gateway.http.company_bodies import ImportAnswer
from veriaidpo_gateway.http.company_described import BODY_ERRORS, EXISTS, json_answer, reading, writing

_CSV = (
    "name,industry,region,aliases,exact,ticker,ticker_verified,origin\r\n"
    "Công ty Cổ phần Rồng Xanh,technology,south,Rồng Xanh|Blue Dragon,RX,RXG,true,added\r\n"
)
_BAD_LINE = {"line": 7, "fields": [{"field": "name", "problem": "is required", "problem_vi": "là bắt buộc"}]}
_IMPORTED = {"added": 12, "changed": 3, "unchanged": 140, "failed": 1, "errors": [_BAD_LINE]}

_CSV_DESCRIPTION = """\
A header that names some of `name`, `industry`, `region`, `aliases`, `exact`, `ticker` and `ticker_verified`
(`true` or `false`), `name` among them, and a company a line; several names in one cell have `|` between them.
UTF-8, with commas or semicolons, up to 4 MiB. Of a company whose name is known the columns of the file are
changed, and no other; an empty cell empties its field, and another ticker is not verified unless the file
says so. A company that is not known is added. Lines that are wrong are left out and listed; the others are
taken all together or, when that fails, none of them.
"""

EXPORT: dict[str, Any] = {
    "summary": "Write all companies as CSV",
    "responses": reading(
        {
            200: {
                "description": "What an import reads",
                "content": {"text/csv": {"schema": {"type": "string"}, "example": _CSV}},
            }
        }
    ),
    "openapi_extra": openapi.SECURED,
}
IMPORT: dict[str, Any] = {
    "summary": "Add or replace companies from CSV",
    "description": _CSV_DESCRIPTION,
    "response_model": ImportAnswer,
    "responses": writing(
        {200: json_answer(ImportAnswer, "What became of each line", _IMPORTED), 409: EXISTS, **BODY_ERRORS}
    ),
    "openapi_extra": {
        **openapi.SECURED,
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string"}, "example": _CSV}},
        },
    },
}
