"""`POST /normalize`: names of companies, persons and places replaced, and where they stood."""

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from veriaidpo_gateway import tracing
from veriaidpo_gateway.classification import bodies
from veriaidpo_gateway.classification.bodies import Body, Text
from veriaidpo_gateway.classification.classify import Deps, admit, take_text
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.exchange import SCOPE_KEY, Exchange
from veriaidpo_gateway.http import openapi, responses
from veriaidpo_gateway.identity import access
from veriaidpo_gateway.models.tagged import Tagged
from veriaidpo_gateway.normalisation import texts
from veriaidpo_gateway.normalisation.addresses import load_addresses
from veriaidpo_gateway.normalisation.anonymise import Anonymised, Anonymiser, anonymise
from veriaidpo_gateway.normalisation.persons import load_persons
from veriaidpo_gateway.normalisation.spans import Kind

DEADLINE = 15.0
"""Seconds for a normalisation."""

_ORIGINAL = "Ông Nguyễn Văn An mua hàng của Shopee VN, giao đến 12 đường Lê Lợi, quận 1"


class Normalisation(Body):
    """A text, and what is to be replaced in it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": _ORIGINAL, "normalize_persons": True, "normalize_locations": True}]
        }
    )

    text: Text
    normalize_companies: Annotated[bool, Field(description="Companies become [COMPANY]")] = True
    normalize_persons: Annotated[bool, Field(description="Names of persons become [PERSON]")] = False
    normalize_locations: Annotated[bool, Field(description="Addresses become [ADDRESS]")] = False

    language: Annotated[str, Field(max_length=64, description="Whose model helps: vi or en")] = "vi"

    @property
    def kinds(self) -> frozenset[Kind]:
        """What is to be replaced."""
        asked = {
            Kind.COMPANY: self.normalize_companies,
            Kind.PERSON: self.normalize_persons,
            Kind.ADDRESS: self.normalize_locations,
        }
        return frozenset(kind for kind, wanted in asked.items() if wanted)


class Replaced(BaseModel):
    """One stretch of the original text that was replaced."""

    type: Literal["COMPANY", "PERSON", "ADDRESS"]
    start: Annotated[int, Field(ge=0, description="Offset into original_text, in Unicode code points")]
    end: Annotated[int, Field(ge=1, description="Offset behind the last one")]
    text: Annotated[str, Field(description="As it was written")]
    replacement: str
    source: Annotated[
        Literal["registry", "rule", "model"],
        Field(description="How it was found: it holds a registered company's name, by a rule, by the model"),
    ]


class NormalisedAnswer(BaseModel):
    """The text without the names, and what they were."""

    original_text: str
    normalized_text: str
    detected_companies: Annotated[list[str], Field(description="As written, each occurrence, in order")]
    normalization_count: Annotated[int, Field(description="How many stretches were replaced")]
    spans: Annotated[list[Replaced], Field(description="In order, none overlapping another")]
    model_revision: Annotated[
        str | None,
        Field(description="The digest of the model that helped; null: rules alone, as none answered in time"),
    ]
    truncated: Annotated[bool, Field(description="Whether the model saw only the beginning of the text")]
    processing_time_ms: float


def _span(kind: str, written: str, source: str) -> dict[str, Any]:
    start = _ORIGINAL.index(written)
    place = {"type": kind, "start": start, "end": start + len(written)}
    return {**place, "text": written, "replacement": f"[{kind}]", "source": source}


_EXAMPLE: Mapping[str, Any] = {
    "original_text": _ORIGINAL,
    "normalized_text": "Ông [PERSON] mua hàng của [COMPANY], giao đến [ADDRESS]",
    "detected_companies": ["Shopee VN"],
    "normalization_count": 3,
    "spans": [
        _span("PERSON", "Nguyễn Văn An", "rule"),
        _span("COMPANY", "Shopee VN", "registry"),
        _span("ADDRESS", "12 đường Lê Lợi, quận 1", "model"),
    ],
    "model_revision": responses.DIGEST,
    "truncated": False,
    "processing_time_ms": 9.4,
}
_DETAIL = {
    "code": "deadline_exceeded",
    "error": "No answer within 15 s",
    "error_vi": "Không có kết quả trong 15 giây",
    "deadline_seconds": 15,
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "model": NormalisedAnswer,
        "description": "The text without the names",
        "content": {"application/json": {"example": _EXAMPLE}},
    },
    **{status: responses.CLASSIFY_RESPONSES[status] for status in (401, 408, 413, 415, 422, 429)},
    403: openapi.forbidden(access.NORMALISE, "staff", access.of_role("staff")),
    504: openapi.error("No answer within 15 s", _DETAIL),
}


def router(deps: Deps) -> APIRouter:
    """Make the route, without a base."""
    routes = APIRouter(tags=["normalisation"])
    anonymiser = Anonymiser(load_persons(), load_addresses())

    @routes.post(
        "/normalize",
        name="normalize",
        summary="Replace the names of companies, persons and places",
        response_model=NormalisedAnswer,
        responses=_RESPONSES,
        openapi_extra=openapi.body(Normalisation, None),
    )
    async def normalize(request: Request) -> Response:
        exchange: Exchange = request.scope[SCOPE_KEY]
        caller = admit(exchange, access.NORMALISE, deps)
        exchange.taken = await deps.limits.take(caller)
        wanted = await bodies.read(request, Normalisation)
        texts.check(wanted.text)
        await take_text(exchange, caller, wanted.text, deps)
        left = exchange.started + DEADLINE - time.monotonic()
        try:
            with tracing.stage("normalise"):
                async with asyncio.timeout(max(0.0, left)):
                    found, tagged = await asyncio.gather(
                        # Beside the event loop, so that the deadline holds whatever the text is.
                        asyncio.to_thread(anonymiser.find, wanted.text, deps.normaliser, wanted.kinds),
                        _tag(wanted, deps, exchange),
                    )
        except TimeoutError:
            raise GatewayError(ErrorCode.DEADLINE_EXCEEDED, {"deadline_seconds": round(DEADLINE)}) from None
        done = anonymise(wanted.text, found, wanted.kinds, tagged.marked if tagged else ())
        answer = _answer(done, tagged, time.monotonic() - exchange.started)
        return Response(answer.model_dump_json(), media_type="application/json")

    return routes


async def _tag(wanted: Normalisation, deps: Deps, exchange: Exchange) -> Tagged | None:
    """Ask the model, if anything is to be replaced."""
    found: Mapping[str, Tagged] = {}
    if wanted.kinds:
        found = await deps.tagger.tag([wanted.text], wanted.language, exchange.request_id)
    tagged = found.get(wanted.text)
    exchange.revision = tagged.revision if tagged else None
    return tagged


def _answer(done: Anonymised, tagged: Tagged | None, seconds: float) -> NormalisedAnswer:
    spans = [
        Replaced(
            type=one.kind.value,
            start=one.place.start,
            end=one.place.end,
            text=done.original[one.place.start : one.place.end],
            replacement=f"[{one.kind}]",
            source=one.found_by.value,
        )
        for one in done.marked
    ]
    return NormalisedAnswer(
        original_text=done.original,
        normalized_text=done.text,
        detected_companies=[span.text for span in spans if span.type == Kind.COMPANY],
        normalization_count=len(spans),
        spans=spans,
        model_revision=tagged.revision if tagged else None,
        truncated=tagged is not None and tagged.truncated,
        processing_time_ms=round(seconds * 1000, 2),
    )
