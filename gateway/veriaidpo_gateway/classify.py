"""The straight line: from a caller's request to a model's answer, each step in its place."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from veriaidpo_gateway import access, normalise, texts
from veriaidpo_gateway.access import Caller
from veriaidpo_gateway.bodies import Classification, ProcessingMetadata, Question
from veriaidpo_gateway.cache import Cache
from veriaidpo_gateway.exchange import Exchange
from veriaidpo_gateway.inference import Inference
from veriaidpo_gateway.limits import Limits
from veriaidpo_gateway.normalise import Normalised, Normaliser
from veriaidpo_gateway.predictor import Call, Predictors, too_late
from veriaidpo_gateway.routes import Model, Routes

DEADLINE = 30.0
"""Seconds for a classification."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything a request meets on its way."""

    verify: Callable[[str | None], Caller]
    limits: Limits
    routes: Callable[[], Routes]
    normaliser: Normaliser
    cache: Cache
    predictors: Predictors
    deadline: float = DEADLINE


async def classify(
    exchange: Exchange, read: Callable[[], Awaitable[Question]], deps: Deps, *, model_type: str | None = None
) -> Classification:
    """Answer one classification; GatewayError for everything else. `model_type` overrides the body's."""
    caller = admit(exchange, access.CLASSIFY, deps)
    exchange.taken = await deps.limits.take(caller)
    question = await read()
    texts.check(question.text)
    asked = model_type or question.model_type
    model = deps.routes().find(asked, question.language)
    exchange.model = model.name
    text = deps.normaliser(question.text)
    inference, cached = await _infer(exchange, caller, model, text, deps)
    exchange.revision, exchange.cached = inference.revision, cached
    return _answer(exchange, question=question, asked=asked, model=model, text=text, inference=inference)


def admit(exchange: Exchange, permission: str, deps: Deps) -> Caller:
    """Who calls, and whether they may: 401 or 403."""
    caller = deps.verify(exchange.authorization)
    exchange.caller = caller
    access.require(caller, permission)
    return caller


async def _infer(
    exchange: Exchange, caller: Caller, model: Model, text: Normalised, deps: Deps
) -> tuple[Inference, bool]:
    def key(revision: str) -> str:
        return deps.cache.key(
            tenant=caller.tenant,
            model=model.name,
            revision=revision,
            normaliser=normalise.VERSION,
            text=text.text,
        )

    found = await deps.cache.get(key(model.current_revision), labels=len(model.labels))
    if found is not None:
        return found, True
    call = Call(exchange.request_id, exchange.started + deps.deadline, deps.deadline)
    try:
        async with asyncio.timeout(max(0.0, call.deadline - time.monotonic())):
            (inference,) = await deps.predictors.infer(model, [text.text], call)
    except TimeoutError:
        raise too_late(call) from None
    # During a rollout the answer may come from another revision than the one we looked for.
    await deps.cache.put(key(inference.revision), inference)
    return inference, False


def _answer(
    exchange: Exchange,
    *,
    question: Question,
    asked: str,
    model: Model,
    text: Normalised,
    inference: Inference,
) -> Classification:
    answer = Classification(
        prediction=model.labels[inference.category_id].name(question.language),
        confidence=inference.confidence,
        category_id=inference.category_id,
        model_type=asked,
        language=question.language,
    )
    if not question.include_metadata:
        return answer
    return answer.model_copy(
        update={
            "normalized_text": text.text,
            "detected_companies": text.company_names,
            "original_text": text.original,
            "processing_metadata": ProcessingMetadata(
                processing_time_ms=round((time.monotonic() - exchange.started) * 1000, 2),
                normalization_applied=text.text != text.original,
                companies_detected=len(text.companies),
                model_categories=len(model.labels),
                timestamp=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            ),
            "probabilities": list(inference.probabilities),
            "model_revision": inference.revision,
            "truncated": inference.truncated,
            "cached": exchange.cached,
            "needs_review": model.threshold is not None and inference.confidence < model.threshold,
        }
    )
