"""What routes answer, as the description of the API has it: examples, and the errors that several share."""

from typing import Any

from pydantic import BaseModel

from veriaidpo_gateway.classification.answers import Classification
from veriaidpo_gateway.http.openapi import error, plain_error

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


_408 = plain_error("The body did not arrive in time")
_415 = plain_error("The body is not plain JSON")

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
HEALTH: dict[int | str, dict[str, Any]] = {200: {"model": HealthAnswer, "description": "Always an answer"}}
