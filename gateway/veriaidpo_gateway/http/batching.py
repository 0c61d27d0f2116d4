"""The routes that answer many questions: a batch, a stream of lines, one text to every classifier."""

import json
import time
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from veriaidpo_gateway.classification import bodies
from veriaidpo_gateway.classification.batch import Entry, Group, shape
from veriaidpo_gateway.classification.bodies import Question
from veriaidpo_gateway.classification.classify import Deps, admit_question
from veriaidpo_gateway.errors import ErrorCode, GatewayError, Messages
from veriaidpo_gateway.exchange import SCOPE_KEY, Exchange
from veriaidpo_gateway.http import described, items, openapi, resuming, streaming
from veriaidpo_gateway.http.items import Batch, EveryClassifier
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.models.routes import CLASSIFICATION
from veriaidpo_gateway.normalisation import texts


def router(deps: Deps, messages: Messages) -> APIRouter:
    """Both routes, without a base."""
    routes = APIRouter(tags=["classification"])
    detail = messages.detail

    @routes.post(
        "/batch-classify",
        name="batch-classify",
        summary="Classify up to 256 sentences, or a stream of them",
        description=described.BATCH_DESCRIPTION,
        responses=described.BATCH_RESPONSES,
        openapi_extra=described.batch_body(),
    )
    async def batch_classify(request: Request) -> Response:
        exchange: Exchange = request.scope[SCOPE_KEY]
        caller = admit_question(exchange, deps)
        exchange.taken = await deps.limits.take(caller)
        resume_after = resuming.resume_after(request)
        if bodies.media_type(request) == streaming.MEDIA_TYPE:
            deps.routes()
            return streaming.StreamedAnswers(request, exchange, deps, detail, resume_after=resume_after)
        batch = await bodies.read(request, Batch, most=items.MOST_BYTES, seconds=items.READ_SECONDS)
        return await _answer(exchange, caller, batch.entries(), deps, detail)

    @routes.post(
        "/classify-all",
        name="classify-all",
        summary="Ask every classifier of a language about one sentence",
        description=described.ALL_DESCRIPTION,
        responses=described.ALL_RESPONSES,
        openapi_extra=openapi.body(EveryClassifier, None),
    )
    async def classify_all(request: Request) -> Response:
        exchange: Exchange = request.scope[SCOPE_KEY]
        caller = admit_question(exchange, deps)
        exchange.taken = await deps.limits.take(caller)
        asked = await bodies.read(request, EveryClassifier)
        entries = every_classifier(asked, deps)
        return await _answer(exchange, caller, entries, deps, detail, one_record=True)

    return routes


def every_classifier(asked: EveryClassifier, deps: Deps) -> list[Entry]:
    """One question for each type that is served in the language: 413 or 422, or 400 if there is none."""
    texts.check(asked.text)
    models = [model for model in deps.routes().models if model.task == CLASSIFICATION]
    types = sorted({model.model_type for model in models if model.language == asked.language})
    if not types:
        languages = sorted({model.language for model in models})
        raise GatewayError(ErrorCode.UNKNOWN_LANGUAGE, {"available_languages": languages})
    said = asked.model_dump()
    return [
        Entry(Question.model_construct(**said, model_type=model_type), model_type=model_type)
        for model_type in types
    ]


async def _answer(
    exchange: Exchange,
    caller: Caller,
    entries: Sequence[Entry],
    deps: Deps,
    detail: streaming.Detail,
    *,
    one_record: bool = False,
) -> Response:
    deps.routes()  # before there are any, the whole request is a 503
    group = Group(exchange, caller, deps, started=exchange.started, one_record=one_record)
    outcomes = await group.answer(entries, counted=1)
    answer = {
        "results": [shape(*pair, detail) for pair in zip(entries, outcomes, strict=True)],
        "total": len(outcomes),
        "failed": exchange.failed,
        "processing_time_ms": round((time.monotonic() - exchange.started) * 1000, 2),
    }
    return Response(json.dumps(answer, ensure_ascii=False), media_type="application/json")
