"""The description of the route that takes tokens back."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from veriaidpo_gateway.http.openapi import error
from veriaidpo_gateway.http.responses import CLASSIFY_RESPONSES

_JTI = "3f1c9a52-6a57-4c0e-9d6b-2a41f0c8e7d1"


class Revoked(BaseModel):
    """A token that is not believed any more."""

    jti: str
    revoked_until: Annotated[str, Field(description="RFC 3339, UTC; afterwards the token has ended anyway")]
    shared: Annotated[bool, Field(description="false: only the replica that answered knows it yet")]


def _revoked(description: str, *, shared: bool) -> dict[str, Any]:
    example = {"jti": _JTI, "revoked_until": "2026-11-23T08:00:00Z", "shared": shared}
    return {
        "model": Revoked,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


REVOCATION_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _revoked("Every replica refuses the token within 5 s", shared=True),
    202: _revoked("This replica refuses the token; the others when Redis is back", shared=False),
    401: CLASSIFY_RESPONSES[401],
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
    408: CLASSIFY_RESPONSES[408],
    413: error(
        "The body is over 64 KiB",
        {
            "code": "body_too_large",
            "error": "The request body is larger than 65536 bytes",
            "error_vi": "Nội dung yêu cầu lớn hơn 65536 byte",
            "max_bytes": 65536,
        },
    ),
    415: CLASSIFY_RESPONSES[415],
    422: error(
        "The body is not what it should be",
        {
            "code": "invalid_request",
            "error": "The request is not valid",
            "error_vi": "Yêu cầu không hợp lệ",
            "fields": [{"field": "jti", "problem": "is required", "problem_vi": "là bắt buộc"}],
        },
    ),
    429: CLASSIFY_RESPONSES[429],
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
