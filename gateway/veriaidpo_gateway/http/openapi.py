"""The description of the API: what FastAPI cannot know, because bodies are read by hand."""

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field

from veriaidpo_gateway import __version__
from veriaidpo_gateway.classification.answers import Classification
from veriaidpo_gateway.classification.bodies import Body

DESCRIPTION = (
    "Which principle, legal basis, breach severity or transfer rule of the Vietnamese personal data "
    "protection law a sentence falls under. Every route answers under each of the servers below."
)

SECURED: dict[str, Any] = {"security": [{"bearer": []}]}

_JTI = "3f1c9a52-6a57-4c0e-9d6b-2a41f0c8e7d1"
DIGEST = "9f2c6a51c0b4d7e8a3f1b2c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708"
_CLASSIFIED: dict[str, Any] = {
    "prediction": "Hợp pháp, công bằng và minh bạch",
    "confidence": 0.93,
    "category_id": 0,
    "model_type": "principles",
    "language": "vi",
    "normalized_text": "[COMPANY] thu thập email khách hàng",
    "detected_companies": ["Shopee VN"],
    "original_text": "Shopee VN thu thập email khách hàng",
    "processing_metadata": {
        "processing_time_ms": 14.2,
        "normalization_applied": True,
        "companies_detected": 1,
        "model_categories": 8,
        "timestamp": "2026-11-22T08:00:00.000Z",
    },
    "probabilities": [0.93, 0.02, 0.01, 0.01, 0.01, 0.01, 0.005, 0.005],
    "model_revision": DIGEST,
    "truncated": False,
    "cached": False,
    "needs_review": False,
}


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


class HealthAnswer(BaseModel):
    """How the service and its parts are."""

    status: str
    service: str
    version: str
    components: dict[str, dict[str, Any]]


class ModelStatusAnswer(BaseModel):
    """The state of every model."""

    models: list[dict[str, Any]]
    total: int
    servable: int


class Revoked(BaseModel):
    """A token that is not believed any more."""

    jti: str
    revoked_until: Annotated[str, Field(description="RFC 3339, UTC; afterwards the token has ended anyway")]
    shared: Annotated[bool, Field(description="false: only the replica that answered knows it yet")]


def error(description: str, detail: dict[str, Any], *headers: str) -> dict[str, Any]:
    """Describe an error, by an example and the headers that come with it."""
    example = {"detail": detail, "request_id": "0b7c7f2e-3a58-4f0e-9d3b-6a4f1c2d8e90"}
    return {
        "model": ErrorAnswer,
        "description": description,
        "headers": {name: {"schema": {"type": "string"}} for name in headers},
        "content": {"application/json": {"example": example}},
    }


_401 = error(
    "No token, or none that is believed",
    {
        "code": "unauthenticated",
        "error": "Authentication required: the token is missing, invalid or expired",
        "error_vi": "Yêu cầu xác thực: token bị thiếu, không hợp lệ hoặc đã hết hạn",
    },
    "WWW-Authenticate",
)
_403 = error(
    "The caller may not do this",
    {
        "code": "permission_denied",
        "error": "Permission denied: processing_activity.read required",
        "error_vi": "Từ chối quyền truy cập: cần quyền processing_activity.read",
        "required_permission": "processing_activity.read",
        "user_role": "viewer",
        "user_permissions": [],
    },
)
_429 = error(
    "Too many calls in a second",
    {
        "code": "rate_limited",
        "error": "Too many requests: try again in 1 s",
        "error_vi": "Quá nhiều yêu cầu: vui lòng thử lại sau 1 giây",
        "retry_after_seconds": 1,
        "limit": 100,
    },
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
)
_400 = error(
    "No such model type or language, with those there are",
    {
        "code": "unknown_model_type",
        "error": "There is no such model type",
        "error_vi": "Không có loại mô hình này",
        "available_model_types": ["legal_basis", "principles"],
    },
)
_413 = error(
    "The body is over 64 KiB or the text over 4,000 characters",
    {
        "code": "text_too_long",
        "error": "The text is longer than 4000 characters",
        "error_vi": "Văn bản dài hơn 4000 ký tự",
        "max_characters": 4000,
        "characters": 4001,
    },
)
_422 = error(
    "The body is not what it should be",
    {
        "code": "invalid_request",
        "error": "The request is not valid",
        "error_vi": "Yêu cầu không hợp lệ",
        "fields": [{"field": "text", "problem": "is required", "problem_vi": "là bắt buộc"}],
    },
)
_503 = error(
    "The model does not answer yet, or not now",
    {
        "code": "model_downloading",
        "error": "The model principles-vi is still being downloaded",
        "error_vi": "Mô hình principles-vi vẫn đang được tải xuống",
        "model": "principles-vi",
        "state": "downloading",
        "progress": {
            "bytes_total": 540000000,
            "bytes_done": 243000000,
            "percent": 45,
            "remaining_seconds": 21,
        },
    },
    "Retry-After",
)
_504 = error(
    "No answer within 30 s",
    {
        "code": "deadline_exceeded",
        "error": "No answer within 30 s",
        "error_vi": "Không có kết quả trong 30 giây",
        "deadline_seconds": 30,
    },
)


def _revoked(description: str, *, shared: bool) -> dict[str, Any]:
    example = {"jti": _JTI, "revoked_until": "2026-11-23T08:00:00Z", "shared": shared}
    return {
        "model": Revoked,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


_408 = {"model": ErrorAnswer, "description": "The body did not arrive in time"}
_415 = {"model": ErrorAnswer, "description": "The body is not plain JSON"}

CLASSIFY_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Classification,
        "description": "The label",
        "content": {"application/json": {"example": _CLASSIFIED}},
    },
    400: _400, 401: _401, 403: _403, 408: _408, 413: _413, 415: _415, 422: _422, 429: _429,
    503: _503, 504: _504,
}  # fmt: skip
STATUS_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": ModelStatusAnswer, "description": "Every model"},
    401: _401, 403: _403, 429: _429, 503: _503,
}  # fmt: skip
REVOCATION_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _revoked("Every replica refuses the token within 5 s", shared=True),
    202: _revoked("This replica refuses the token; the others when Redis is back", shared=False),
    401: _401,
    403: error(
        "The caller may not do this",
        {
            "code": "permission_denied",
            "error": "Permission denied: user.write required",
            "error_vi": "Từ chối quyền truy cập: cần quyền user.write",
            "required_permission": "user.write",
            "user_role": "viewer",
            "user_permissions": [],
        },
    ),
    408: _408,
    413: error(
        "The body is over 64 KiB",
        {
            "code": "body_too_large",
            "error": "The request body is larger than 65536 bytes",
            "error_vi": "Nội dung yêu cầu lớn hơn 65536 byte",
            "max_bytes": 65536,
        },
    ),
    415: _415,
    422: error(
        "The body is not what it should be",
        {
            "code": "invalid_request",
            "error": "The request is not valid",
            "error_vi": "Yêu cầu không hợp lệ",
            "fields": [{"field": "jti", "problem": "is required", "problem_vi": "là bắt buộc"}],
        },
    ),
    429: _429,
    503: error(
        "The tenant has 10,000 revocations that have not ended",
        {
            "code": "revocations_full",
            "error": "Too many tokens are revoked at a time: at most 10000",
            "error_vi": "Quá nhiều token đang bị thu hồi cùng lúc: tối đa 10000",
            "max_revocations": 10000,
        },
        "Retry-After",
    ),
}
HEALTH: dict[int | str, dict[str, Any]] = {200: {"model": HealthAnswer, "description": "Always an answer"}}


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
    schema = kind.model_json_schema()
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
        app.openapi_schema = document
    return app.openapi_schema
