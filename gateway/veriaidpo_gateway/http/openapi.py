"""The description of the API: what FastAPI cannot know, because bodies are read by hand."""

from collections.abc import Collection
from copy import deepcopy
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.constants import REF_PREFIX
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict

from veriaidpo_gateway import __version__
from veriaidpo_gateway.classification.bodies import Body

DESCRIPTION = (
    "Which principle, legal basis, breach severity or transfer rule of the Vietnamese personal data "
    "protection law a sentence falls under. Every route answers under each of the servers below."
)

SECURED: dict[str, Any] = {"security": [{"bearer": []}]}


class ErrorDetail(BaseModel):
    """What went wrong, in both languages; some codes bring more fields."""

    model_config = ConfigDict(extra="allow")

    code: str
    error: str
    error_vi: str


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    detail: ErrorDetail
    request_id: str


def plain_error(description: str) -> dict[str, Any]:
    """Describe an error without an example.

    Its shape is named and not given as a model: for each answer of each route the framework would make
    another validator of it, two hundred in all, and none of them would ever be asked.
    """
    content = {"application/json": {"schema": {"$ref": f"{REF_PREFIX}{ErrorAnswer.__name__}"}}}
    return {"description": description, "content": content}


def error(description: str, detail: dict[str, Any], *headers: str) -> dict[str, Any]:
    """Describe an error, by an example and the headers that come with it."""
    described = plain_error(description)
    described["content"]["application/json"]["example"] = {
        "detail": detail,
        "request_id": "0b7c7f2e-3a58-4f0e-9d3b-6a4f1c2d8e90",
    }
    return {**described, "headers": {name: {"schema": {"type": "string"}} for name in headers}}


def forbidden(permission: str, role: str, permissions: Collection[str] = ()) -> dict[str, Any]:
    """Describe the 403 of a route that needs that permission, as a caller of that role gets it."""
    detail = {
        "code": "permission_denied",
        "error": f"Permission denied: {permission} required",
        "error_vi": f"Từ chối quyền truy cập: cần quyền {permission}",
        "required_permission": permission,
        "user_role": role,
        "user_permissions": sorted(permissions),
    }
    return error("The caller may not do this", detail)


def body(kind: type[Body], model_type: str | None) -> dict[str, Any]:
    """Describe a body that is read by hand. With a fixed type, `model_type` in the body changes nothing."""
    schema = deepcopy(_schema(kind))
    examples = schema.pop("examples", [])
    example = {**examples[0]} if examples else {}
    if model_type is not None:
        example.pop("model_type", None)
        schema["properties"]["model_type"] |= {
            "description": f"Without effect here: the type is {model_type}",
            "default": model_type,
        }
    content = {"application/json": {"schema": schema, "example": example}}
    return {**SECURED, "requestBody": {"required": True, "content": content}}


@cache
def _schema(kind: type[Body]) -> dict[str, Any]:
    return kind.model_json_schema()


def describe(app: FastAPI) -> dict[str, Any]:
    """Make the OpenAPI 3.1 document; made once, then kept by the application."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="VeriAIDPO", version=__version__, description=DESCRIPTION, routes=app.routes,
            servers=[{"url": "/api/v1/veriaidpo"}, {"url": "/api/v1"}, {"url": "/"}],
        )  # fmt: skip
        document["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        }
        shape = ErrorAnswer.model_json_schema(ref_template=REF_PREFIX + "{model}")
        document["components"]["schemas"] |= {**shape.pop("$defs"), ErrorAnswer.__name__: shape}
        app.openapi_schema = document
    return app.openapi_schema
