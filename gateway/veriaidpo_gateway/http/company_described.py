"""The description of the routes of companies."""

from collections.abc import Mapping
from typing import Any

from veriaidpo_gateway.http import openapi
from veriaidpo_gateway.http.company_bodies import (
    EXAMPLE,
    CompanyAnswer,
    CompanyBody,
    CompanyPage,
    CompanyQuery,
)
from veriaidpo_gateway.http.responses import CLASSIFY_RESPONSES
from veriaidpo_gateway.identity import access

_COMPANY: Mapping[str, Any] = {
    "id": "0b7c7f2e3a584f0e9d3b6a4f1c2d8e90",
    **EXAMPLE,
    "origin": "added",
    "version": 1,
}
_SHARED = """\
The registry is one for the whole installation. Every replica knows of a change within 5 s; sentences are then
normalised by it, and results cached before are not used any more.
"""


def json_answer(model: type[Any], description: str, example: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a good answer, by an example."""
    return {
        "model": model,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


def _error(description: str, code: str, error: str, error_vi: str, **more: Any) -> dict[str, Any]:
    detail = {"code": code, "error": error, "error_vi": error_vi, **more}
    return openapi.error(description, detail)


_NO_SUCH = _error(
    "There is none of that id", "no_such_company", "There is no such company", "Không có công ty này"
)
EXISTS = _error(
    "The name is taken, or there are too many companies",
    "company_exists",
    "There is a company of this name already",
    "Đã có công ty mang tên này",
)
_CHANGED = _error(
    "It was changed since it was read",
    "company_changed",
    "The company was changed meanwhile: read it again",
    "Công ty đã được thay đổi trong lúc đó: vui lòng đọc lại",
)
_NO_IF_MATCH = _error(
    "Without If-Match nothing is changed",
    "if_match_required",
    "If-Match is required: the ETag of the company as it was read",
    "Cần có If-Match: ETag của công ty như khi đã đọc",
)
_AWAY = openapi.error(
    "The database is away; sentences are normalised by what was last known",
    {
        "code": "companies_away",
        "error": "The companies can neither be read nor changed at the moment",
        "error_vi": "Hiện không thể đọc hoặc thay đổi danh bạ công ty",
    },
    "Retry-After",
)
BODY_ERRORS: dict[int | str, dict[str, Any]] = {
    status: CLASSIFY_RESPONSES[status] for status in (408, 413, 415, 422)
}
_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "Its version, for If-Match"}}


def _responses(
    permission: str, role: str, more: Mapping[int | str, dict[str, Any]]
) -> dict[int | str, dict[str, Any]]:
    return {
        401: CLASSIFY_RESPONSES[401],
        403: openapi.forbidden(permission, role, access.of_role(role)),
        429: CLASSIFY_RESPONSES[429],
        503: _AWAY,
        **more,
    }


def reading(more: Mapping[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """Describe what a route that reads companies answers."""
    return _responses(access.READ_COMPANIES, "staff", more)


def writing(more: Mapping[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """Describe what a route that changes companies answers."""
    return _responses(access.WRITE_COMPANIES, "dpo", more)


def _query() -> list[dict[str, Any]]:
    schema = CompanyQuery.model_json_schema()["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": one} for name, one in schema.items()]


_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the company as it was read, or * for whichever it is",
    "schema": {"type": "string"},
}
_ID = {"name": "company_id", "in": "path", "required": True, "schema": {"type": "string"}}
_ONE = {**json_answer(CompanyAnswer, "The company", _COMPANY), "headers": _ETAG}

PAGE: dict[str, Any] = {
    "summary": "Look through the companies",
    "response_model": CompanyPage,
    "responses": reading(
        {
            200: json_answer(
                CompanyPage,
                "Companies by name",
                {"companies": [_COMPANY], "total": 1, "limit": 50, "offset": 0},
            ),
            422: CLASSIFY_RESPONSES[422],
        }
    ),
    "openapi_extra": {**openapi.SECURED, "parameters": _query()},
}
ONE: dict[str, Any] = {
    "summary": "Look at one company",
    "response_model": CompanyAnswer,
    "responses": reading({200: _ONE, 404: _NO_SUCH}),
    "openapi_extra": {**openapi.SECURED, "parameters": [_ID]},
}
ADD: dict[str, Any] = {
    "summary": "Add a company",
    "description": _SHARED,
    "status_code": 201,
    "response_model": CompanyAnswer,
    "responses": writing(
        {
            201: {**_ONE, "headers": {**_ETAG, "Location": {"schema": {"type": "string"}}}},
            409: EXISTS,
            **BODY_ERRORS,
        }
    ),
    "openapi_extra": openapi.body(CompanyBody, None),
}
CHANGE: dict[str, Any] = {
    "summary": "Replace a company",
    "description": _SHARED,
    "response_model": CompanyAnswer,
    "responses": writing(
        {200: _ONE, 404: _NO_SUCH, 409: EXISTS, 412: _CHANGED, 428: _NO_IF_MATCH, **BODY_ERRORS}
    ),
    "openapi_extra": {**openapi.body(CompanyBody, None), "parameters": [_ID, _IF_MATCH]},
}
REMOVE: dict[str, Any] = {
    "summary": "Remove a company",
    "description": _SHARED,
    "status_code": 204,
    "responses": writing(
        {204: {"description": "It is gone"}, 404: _NO_SUCH, 412: _CHANGED, 428: _NO_IF_MATCH}
    ),
    "openapi_extra": {**openapi.SECURED, "parameters": [_ID, _IF_MATCH]},
}
