"""What can go wrong for a caller: one code each, one status, one sentence in either language.

The sentences live in messages/en.toml and messages/vi.toml. A sentence holds placeholders for its details
only; nothing a caller sent is ever repeated in it.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any


class ErrorCode(StrEnum):
    """Every error a caller can meet."""

    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission_denied"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_CHARACTERS = "too_many_characters"
    BODY_TOO_LARGE = "body_too_large"
    LINE_TOO_LONG = "line_too_long"
    NO_SUCH_ITEM = "no_such_item"
    TEXT_TOO_LONG = "text_too_long"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_REQUEST = "invalid_request"
    BAD_HEADERS = "bad_headers"
    BODY_TIMEOUT = "body_timeout"
    UNKNOWN_MODEL_TYPE = "unknown_model_type"
    UNKNOWN_LANGUAGE = "unknown_language"
    NOT_A_CLASSIFIER = "not_a_classifier"
    MODEL_NOT_READY = "model_not_ready"
    MODEL_DOWNLOADING = "model_downloading"
    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_BUSY = "model_busy"
    NOT_STARTED = "not_started"
    REVOCATIONS_FULL = "revocations_full"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    NO_SUCH_COMPANY = "no_such_company"
    COMPANY_EXISTS = "company_exists"
    COMPANIES_FULL = "companies_full"
    COMPANY_CHANGED = "company_changed"
    IF_MATCH_REQUIRED = "if_match_required"
    COMPANIES_AWAY = "companies_away"
    RECORDS_FULL = "records_full"
    RECORDS_AWAY = "records_away"
    NO_RECORDS = "no_records"
    OTHER_TENANT = "other_tenant"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    INTERNAL = "internal"


STATUS: Mapping[ErrorCode, int] = MappingProxyType(
    {
        ErrorCode.UNAUTHENTICATED: 401,
        ErrorCode.PERMISSION_DENIED: 403,
        ErrorCode.RATE_LIMITED: 429,
        ErrorCode.TOO_MANY_CHARACTERS: 429,
        ErrorCode.BODY_TOO_LARGE: 413,
        ErrorCode.LINE_TOO_LONG: 413,
        ErrorCode.NO_SUCH_ITEM: 422,
        ErrorCode.TEXT_TOO_LONG: 413,
        ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
        ErrorCode.INVALID_REQUEST: 422,
        ErrorCode.BAD_HEADERS: 400,
        ErrorCode.BODY_TIMEOUT: 408,
        ErrorCode.UNKNOWN_MODEL_TYPE: 400,
        ErrorCode.UNKNOWN_LANGUAGE: 400,
        ErrorCode.NOT_A_CLASSIFIER: 400,
        ErrorCode.MODEL_NOT_READY: 503,
        ErrorCode.MODEL_DOWNLOADING: 503,
        ErrorCode.MODEL_UNAVAILABLE: 503,
        ErrorCode.MODEL_BUSY: 503,
        ErrorCode.NOT_STARTED: 503,
        ErrorCode.REVOCATIONS_FULL: 503,
        ErrorCode.DEADLINE_EXCEEDED: 504,
        ErrorCode.NO_SUCH_COMPANY: 404,
        ErrorCode.COMPANY_EXISTS: 409,
        ErrorCode.COMPANIES_FULL: 409,
        ErrorCode.COMPANY_CHANGED: 412,
        ErrorCode.IF_MATCH_REQUIRED: 428,
        ErrorCode.COMPANIES_AWAY: 503,
        ErrorCode.RECORDS_FULL: 503,
        ErrorCode.RECORDS_AWAY: 503,
        ErrorCode.NO_RECORDS: 404,
        ErrorCode.OTHER_TENANT: 403,
        ErrorCode.NOT_FOUND: 404,
        ErrorCode.METHOD_NOT_ALLOWED: 405,
        ErrorCode.INTERNAL: 500,
    }
)


class GatewayError(Exception):
    """An answer that is not the one asked for. `details` go into the body, `headers` into the answer."""

    def __init__(
        self,
        code: ErrorCode,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.details = dict(details or {})
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status of this code."""
        return STATUS[self.code]


@dataclass(frozen=True, slots=True)
class Messages:
    """The sentences of both languages, checked to be complete when they are loaded."""

    en: Mapping[str, str]
    vi: Mapping[str, str]

    def body(self, error: GatewayError, request_id: str) -> dict[str, Any]:
        """Shape an error for the caller: `{"detail": {"code", "error", "error_vi", …}, "request_id"}`."""
        return {"detail": self.detail(error), "request_id": request_id}

    def detail(self, error: GatewayError) -> dict[str, Any]:
        """Say what went wrong, without which request it was."""
        return {
            "code": error.code.value,
            "error": self.en[error.code].format_map(error.details),
            "error_vi": self.vi[error.code].format_map(error.details),
            **error.details,
        }


@cache
def load_messages() -> Messages:
    """Read both languages from the package; KeyError if one of them lacks a code."""
    folder = resources.files(__package__) / "messages"
    read = {
        language: tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))
        for language in ("en", "vi")
    }
    for sentences in read.values():
        missing = [code.value for code in ErrorCode if code.value not in sentences]
        if missing:
            raise KeyError(*missing)
    return Messages(en=read["en"], vi=read["vi"])
