"""The description of the routes that answer many questions."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from veriaidpo_gateway.http import openapi, responses
from veriaidpo_gateway.http.items import MOST_BYTES, Batch, BatchAnswer, Item, ResumeAfter
from veriaidpo_gateway.http.resuming import PARAMETER

BATCH_DESCRIPTION = """\
As `application/json`: up to 256 sentences and 4 MiB, either `items` or `texts`. They are answered in
order, each with a classification or, under `detail`, with an error of its own; types and languages may be
mixed. The request as a whole fails only when it is itself wrong. Everything is answered within 30 s; what
is not has a `deadline_exceeded`.

As `application/x-ndjson`: any number of items, one a line of up to 64 KiB, answered a line each, in order
and while more arrive. A line that is wrong is answered by an error with its number and the stream goes
on. Read while you write: nothing more is taken in while answers wait to be read (`curl -N -T - …` does).
Every stream ends with a line that says `stream_ended`: `complete` is true when the body came to its end
and all that was read has its answer, and false, beside a `detail`, when the token ended or was revoked, or
nothing arrived for 30 s; `lines` is how many lines were read, blank ones aside, and `answers` how many were
answered. A stream without that line was cut, as it is when nothing is read for 30 s. When the caller goes
away, what is under way is given up.

Compare `lines` with what you sent. Over HTTP/1.1 a proxy may drop a part of a chunked body when the answer
begins; send `Connection: close` with the request, or a `Content-Length`, or use HTTP/2, and it does not.

A stream that was cut off is resumed: send the same lines in the same order once more, with
`?resume_after=` and the id of the last answer that arrived. The lines up to the first of that id are left
out, at up to 4 MiB a second; they cost nothing of the limits, and each later item is answered once. Give
every item an id of its own for it: what has none cannot be named. 7 and "7" are the same id here. Without
an item of that id the stream ends with a `no_such_item`.

Limits: the request counts as one call, and is refused with 429 like any other; it stands for the first
item. Every further item counts as one call too, but waits for its turn, so that a batch goes no faster
than the limit. An item whose turn does not come within 30 s has a `rate_limited`.
"""
ALL_DESCRIPTION = """\
Every classifier of the language, in alphabetical order of its type, each with a classification or an
error. A model that is not served yet says what it is doing. Each model asked counts as one call, as the
items of a batch do.
"""

_QUESTION_ERRORS = (401, 403, 408, 413, 415, 422, 429, 503)
_EXAMPLE: Mapping[str, Any] = responses.CLASSIFY_RESPONSES[200]["content"]["application/json"]["example"]
_SHORT = {
    name: _EXAMPLE[name] for name in ("prediction", "confidence", "category_id", "model_type", "language")
}
_ERROR: Mapping[str, Any] = responses.CLASSIFY_RESPONSES[503]["content"]["application/json"]["example"][
    "detail"
]


def _answers(description: str, results: list[dict[str, Any]], failed: int) -> dict[str, Any]:
    example = {"results": results, "total": len(results), "failed": failed, "processing_time_ms": 31.5}
    return {
        "model": BatchAnswer,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: responses.CLASSIFY_RESPONSES[status] for status in statuses}


def _too_large() -> dict[str, Any]:
    detail = {
        "code": "body_too_large",
        "error": f"The request body is larger than {MOST_BYTES} bytes",
        "error_vi": f"Nội dung yêu cầu lớn hơn {MOST_BYTES} byte",
        "max_bytes": MOST_BYTES,
    }
    return openapi.error("The body is over 4 MiB", detail)


BATCH_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _answers(
        "A result or an error for each item, in order",
        [{"id": "a", **_EXAMPLE}, {"id": "b", "detail": {**_ERROR, "retry_after_seconds": 21}}],
        failed=1,
    ),
    **_errors(*_QUESTION_ERRORS),
}
BATCH_RESPONSES[413] = _too_large()
BATCH_RESPONSES[200]["content"]["application/x-ndjson"] = {
    "schema": {
        "type": "string",
        "description": "A result or an error a line; errors say which `line`. The last line has "
        "`stream_ended`, `complete`, `lines` and `answers`",
    }
}
ALL_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _answers(
        "A result or an error for each classifier",
        [{"model_type": "legal_basis", "detail": {**_ERROR, "retry_after_seconds": 21}}, {**_SHORT}],
        failed=1,
    ),
    **_errors(400, *_QUESTION_ERRORS),
}


def batch_body() -> dict[str, Any]:
    """Describe both kinds of body, and where a stream goes on."""
    described = openapi.body(Batch, None)
    described["requestBody"]["content"]["application/x-ndjson"] = {
        "schema": {**Item.model_json_schema(), "description": "One of these a line"}
    }
    schema = TypeAdapter(ResumeAfter).json_schema()
    about = schema.pop("description")
    described["parameters"] = [
        {"name": PARAMETER, "in": "query", "required": False, "description": about, "schema": schema}
    ]
    return described
