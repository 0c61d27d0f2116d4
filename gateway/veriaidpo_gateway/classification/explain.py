"""A classification whose answer says which words it rests on, where that is asked for.

The texts that are asked for it go the way of a batch: together, in the predictor's queue among all others,
each at the price of a call and of its characters. They are not recorded, cached or counted among a model's
answers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import Annotated

from pydantic import Field

from veriaidpo_gateway import tracing
from veriaidpo_gateway.classification import classify, occlusion
from veriaidpo_gateway.classification.answers import Answer, Asked, Classification, answer
from veriaidpo_gateway.classification.bodies import Question
from veriaidpo_gateway.classification.classify import Deps
from veriaidpo_gateway.classification.occlusion import Explanation
from veriaidpo_gateway.classification.recording import record
from veriaidpo_gateway.exchange import Exchange
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.normalisation import texts


class Explainable(Question):
    """A sentence to classify, and whether the answer is to be explained."""

    explain: Annotated[
        bool,
        Field(
            description="true: the answer says which words it rests on. Costs up to "
            f"{occlusion.MOST + 1} calls more, each counted in the limits with its characters"
        ),
    ] = False


class Explained(Classification):
    """A classification; with `explain` its words' part in it."""

    explanation: Annotated[Explanation | None, Field(description="Where `explain` asked for it")] = None


async def classify_explained(
    exchange: Exchange,
    read: Callable[[], Awaitable[Explainable]],
    deps: Deps,
    *,
    model_type: str | None = None,
) -> Answer:
    """Answer one classification like `classify`, and explain it where that is asked for."""
    caller, asked, inference, cached = await classify.decide(exchange, read, deps, model_type=model_type)
    told = answer(asked, inference, cached=cached, started=exchange.started)
    if isinstance(asked.question, Explainable) and asked.question.explain:
        with tracing.stage("explain"):
            found = await _explain(exchange, caller, asked, inference.category_id, deps)
        told["explanation"] = found.model_dump()
    # Last: where the explanation is refused, nobody got an answer.
    record(deps.recorder, exchange.request_id, caller, (asked, inference, cached))
    return told


async def _explain(
    exchange: Exchange, caller: Caller, asked: Asked, category_id: int, deps: Deps
) -> Explanation:
    """Ask for the text without each of its parts: 429, 503 or 504 for the whole where that cannot be done.

    The whole text is asked for once more, so that all answers are of one revision.
    """
    left_out = occlusion.parts(asked.text)
    seen = []
    for text in chain([asked.text.text], occlusion.without(asked.text, left_out)):
        seen.append(text)
        await asyncio.sleep(0)  # a long text takes a while, and others wait
        # Placeholders may make a text longer than any that a caller may send, and than what a limit holds.
        characters = min(len(text), texts.LONGEST)
        await deps.limits.wait_turn(caller, characters, exchange.started + deps.deadline)
    inferences = await classify.infer(
        asked.model, seen, deps, request_id=exchange.request_id, started=exchange.started, is_aside=True
    )
    return occlusion.explained(left_out, category_id, inferences)
