"""The straight line: from a caller's request to a model's answer, each step in its place."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from veriaidpo_gateway import tracing
from veriaidpo_gateway.classification.answers import Asked
from veriaidpo_gateway.classification.bodies import Question
from veriaidpo_gateway.classification.cache import Cache
from veriaidpo_gateway.classification.under_way import UnderWay
from veriaidpo_gateway.exchange import Exchange
from veriaidpo_gateway.identity import access
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.limiting.limits import Limits
from veriaidpo_gateway.limiting.windows import nearer
from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.models.predictor import Call, Predictors, too_late
from veriaidpo_gateway.models.routes import Model, Routes
from veriaidpo_gateway.models.tagged import Tagged
from veriaidpo_gateway.models.tagging import Tagger
from veriaidpo_gateway.normalisation import texts
from veriaidpo_gateway.normalisation.normalise import Normalised
from veriaidpo_gateway.records.recorder import Recorder

DEADLINE = 30.0
"""Seconds for a classification."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything a request meets on its way."""

    verify: Callable[[str | None], Caller]
    limits: Limits
    routes: Callable[[], Routes]
    normaliser: Callable[[str], Normalised]
    cache: Cache
    predictors: Predictors
    tagger: Tagger
    under_way: UnderWay = field(default_factory=UnderWay)
    recorder: Recorder | None = None
    cached_as: Callable[[str], str] = str
    """What a tenant is called in the names of cached results: another name once its data was erased."""

    tag_questions: bool = False
    """Whether the tagger also helps to classify, and not only to normalise."""

    deadline: float = DEADLINE


async def decide(
    exchange: Exchange, read: Callable[[], Awaitable[Question]], deps: Deps, *, model_type: str | None = None
) -> tuple[Caller, Asked, Inference, bool]:
    """Answer one classification, before it is put into words and recorded; GatewayError for everything else.

    Gives who asked, what was understood, the model's answer and whether the cache had it. `model_type`
    overrides the body's.
    """
    caller = admit_question(exchange, deps)
    exchange.taken = await deps.limits.take(caller)
    question = await read()
    with tracing.stage("normalise"):
        understood = understand(question, deps, deps.routes, model_type=model_type)
    await take_text(exchange, caller, understood.question.text, deps)
    (asked,) = await with_tagger([understood], deps, exchange.request_id)
    exchange.model = asked.model.name
    inference, cached = await _infer(exchange, caller, asked, deps)
    exchange.revision, exchange.cached = inference.revision, cached
    return caller, asked, inference, cached


def understand(
    question: Question, deps: Deps, routes: Callable[[], Routes], *, model_type: str | None = None
) -> Asked:
    """Check the text, find the model, normalise: 413 or 422, 400 or 503."""
    texts.check(question.text)
    wanted = model_type or question.model_type
    model = routes().find(wanted, question.language)
    return Asked(question, wanted, model, deps.normaliser(question.text))


async def with_tagger(questions: Sequence[Asked], deps: Deps, request_id: str) -> list[Asked]:
    """Let the tagger find companies too, where the installation wants that and as far as it answers."""
    if not deps.tag_questions:
        return list(questions)
    found: dict[tuple[str, str], Tagged] = {}
    for language in {asked.model.language for asked in questions}:
        texts_of_it = [asked.text.original for asked in questions if asked.model.language == language]
        tagged = await deps.tagger.tag(texts_of_it, language, request_id)
        found |= {(language, text): one for text, one in tagged.items()}
    return [_helped(asked, found.get((asked.model.language, asked.text.original))) for asked in questions]


def _helped(asked: Asked, tagged: Tagged | None) -> Asked:
    if tagged is None:
        return asked
    return replace(asked, text=asked.text.with_tagged(tagged.marked, tagged.revision))


def admit(exchange: Exchange, permission: str, deps: Deps) -> Caller:
    """Who calls, and whether they may: 401 or 403."""
    with tracing.stage("authenticate"):
        caller = deps.verify(exchange.authorization)
        exchange.caller = caller
        access.require(caller, permission)
    return caller


def admit_question(exchange: Exchange, deps: Deps) -> Caller:
    """Who wants something classified: 401 or 403, or 503 while an answer could not be recorded."""
    caller = admit(exchange, access.CLASSIFY, deps)
    if deps.recorder is not None:
        deps.recorder.admit()
    return caller


async def take_text(exchange: Exchange, caller: Caller, text: str, deps: Deps) -> None:
    """Count a text, or 429. An answer tells of the nearer limit, a refusal of the one that refused alone."""
    call, exchange.taken = exchange.taken, None
    exchange.taken = nearer(call, await deps.limits.take_text(caller, text))


def cache_key(caller: Caller, asked: Asked, revision: str, deps: Deps) -> str:
    """Name a question to one revision of its model."""
    return deps.cache.key(
        tenant=deps.cached_as(caller.tenant),
        model=asked.model.name,
        revision=revision,
        normaliser=asked.text.version,
        text=asked.text.text,
    )


async def look_up(caller: Caller, asked: Asked, deps: Deps) -> Inference | None:
    """Find what the current revision answered before."""
    model = asked.model
    key = cache_key(caller, asked, model.current_revision, deps)
    return await deps.cache.get(key, labels=len(model.labels))


async def keep(caller: Caller, asked: Asked, inference: Inference, deps: Deps) -> None:
    """Keep an answer; during a rollout it may come from another revision than the one looked for."""
    await deps.cache.put(cache_key(caller, asked, inference.revision, deps), inference)


async def infer(
    model: Model, seen: Sequence[str], deps: Deps, *, request_id: str, started: float, is_aside: bool = False
) -> tuple[Inference, ...]:
    """Ask the predictor for several texts, within what is left of the deadline: 503 or 504."""
    call = Call(request_id, started + deps.deadline, deps.deadline, is_aside)
    try:
        async with asyncio.timeout(max(0.0, call.deadline - time.monotonic())):
            return await deps.predictors.infer(model, seen, call)
    except TimeoutError:
        raise too_late(call) from None


async def _infer(exchange: Exchange, caller: Caller, asked: Asked, deps: Deps) -> tuple[Inference, bool]:
    with tracing.stage("cache"):
        found = await look_up(caller, asked, deps)
    if found is not None:
        return found, True

    async def ask() -> Inference:
        (inference,) = await infer(
            asked.model, [asked.text.text], deps, request_id=exchange.request_id, started=exchange.started
        )
        await keep(caller, asked, inference, deps)
        return inference

    key = cache_key(caller, asked, asked.model.current_revision, deps)
    return await deps.under_way.share(key, ask), False
