"""What callers send and get: read by hand and late, described by pydantic.

A body is read only after the token, the right and the limit have passed, and never further than it may be
long.
"""

import asyncio
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect, Request

from veriaidpo_gateway import strict_json
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.normalisation import texts

MOST_BYTES = 64 * 1024
READ_SECONDS = 5.0

_PROBLEMS = {
    "missing": ("is required", "là bắt buộc"),
    "extra_forbidden": ("is not a field of this request", "không phải là trường của yêu cầu này"),
    "string_type": ("must be a string", "phải là chuỗi ký tự"),
    "string_too_long": ("is too long", "quá dài"),
    "too_long": ("holds too many", "chứa quá nhiều mục"),
    "too_short": ("must not be empty", "không được để trống"),
    "list_type": ("must be a list", "phải là một danh sách"),
    "bool_type": ("must be true or false", "phải là true hoặc false"),
    "model_type": ("must be a JSON object", "phải là một đối tượng JSON"),
    "int_parsing": ("must be a whole number", "phải là số nguyên"),
    "greater_than_equal": ("is too small", "quá nhỏ"),
    "less_than_equal": ("is too large", "quá lớn"),
    "characters": ("holds characters that cannot be accepted", "chứa ký tự không được chấp nhận"),
    "company_name": (
        "must hold two letters or digits, begin with one, and be one line without |",
        "phải có ít nhất hai chữ cái hoặc chữ số, bắt đầu bằng một trong số đó, trên một dòng, không chứa |",
    ),
    "time": (
        "must be a time with its offset, as in 2026-11-28T08:00:00Z",
        "phải là thời điểm kèm múi giờ, ví dụ 2026-11-28T08:00:00Z",
    ),
    "cursor": ("must be the next of a page", "phải là giá trị next của một trang"),
    "ticker": ("must be capitals and digits", "chỉ gồm chữ in hoa và chữ số"),
}
_OTHER = ("is not valid", "không hợp lệ")

B = TypeVar("B", bound="Body")


Text = Annotated[
    str,
    Field(
        description=f"At most {texts.LONGEST:,} characters, not blank, without control characters",
        # Only said here: `texts.check` refuses what is longer, with an error of its own.
        json_schema_extra={"minLength": 1, "maxLength": texts.LONGEST},
    ),
]


class Body(BaseModel):
    """A request body: nothing in it that is not known, nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Question(Body):
    """A sentence to classify."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "Shopee VN thu thập email khách hàng", "model_type": "principles", "language": "vi"}
            ]
        }
    )

    text: Text
    model_type: Annotated[str, Field(max_length=64, description="A model type or one of its aliases")] = (
        "principles"
    )
    language: Annotated[str, Field(max_length=64, description="vi or en")] = "vi"
    include_metadata: Annotated[bool, Field(description="false leaves out everything but the prediction")] = (
        True
    )


async def read(
    request: Request, kind: type[B], *, most: int = MOST_BYTES, seconds: float = READ_SECONDS
) -> B:
    """Read and check the body: 408, 413, 415 or 422, none of which repeats what was sent."""
    data = await read_bytes(request, "application/json", most=most, seconds=seconds)
    try:
        return kind.model_validate(strict_json.loads(data))
    except ValidationError as error:
        raise invalid_fields(error) from None
    except ValueError:
        raise GatewayError(
            ErrorCode.INVALID_REQUEST,
            {"fields": [{"field": None, "problem": "must be JSON", "problem_vi": "phải là JSON"}]},
        ) from None


def read_query(request: Request, kind: type[B]) -> B:
    """Read and check what stands behind the `?`: 422 for what is wrong, said twice, or not known."""
    found = request.query_params.multi_items()
    if len({name for name, _ in found}) != len(found):
        raise GatewayError(ErrorCode.INVALID_REQUEST, {"fields": []})
    try:
        return kind.model_validate(dict(found))
    except ValidationError as error:
        raise invalid_fields(error) from None


async def read_bytes(request: Request, kind: str, *, most: int, seconds: float) -> bytes:
    """Read a body of that media type: 408, 413 or 415."""
    if media_type(request) != kind:
        raise GatewayError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    data = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                data += chunk
                if len(data) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise GatewayError(ErrorCode.BODY_TIMEOUT, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise GatewayError(ErrorCode.INVALID_REQUEST, {"fields": []}) from None
    return bytes(data)


def media_type(request: Request) -> str | None:
    """Tell what a body in plain UTF-8 is; None when it is encoded otherwise."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if charset not in ("", "charset=utf-8"):
        return None
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        return None
    return kind.strip().lower()


def _too_large(most: int) -> GatewayError:
    # What is still on its way is not read: the connection cannot be used again.
    return GatewayError(ErrorCode.BODY_TOO_LARGE, {"max_bytes": most}, {"Connection": "close"})


def invalid_fields(error: ValidationError) -> GatewayError:
    """Say which fields are wrong and how; names we did not choose ourselves are input too and left out."""
    fields: list[dict[str, Any]] = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        problem, problem_vi = _PROBLEMS.get(item["type"], _OTHER)
        known = item["type"] != "extra_forbidden"
        field = ".".join(str(part) for part in item["loc"]) if known and item["loc"] else None
        fields.append({"field": field, "problem": problem, "problem_vi": problem_vi})
    return GatewayError(ErrorCode.INVALID_REQUEST, {"fields": fields[:20]})
