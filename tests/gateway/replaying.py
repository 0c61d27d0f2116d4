"""A predictor that answers with the golden response of a wire, and keeps what it was sent."""

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from veriaidpo_gateway.models.predictor import Call, Predictors

from .answering import posting

CONTRACT = Path(__file__).parents[1] / "contract"


def golden(name: str) -> Any:
    """Read a golden pair: `request` and `response`."""
    return json.loads((CONTRACT / name).read_text(encoding="utf-8"))


async def replay(
    pair: Any, ask: Callable[[Predictors, list[str], Call], Awaitable[Any]]
) -> tuple[httpx.Request, Any]:
    """Ask for the texts of the golden request; gives the one request that was sent, and what was read."""
    sent = []

    async def predictor(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=pair["response"])

    texts = pair["request"]["inputs"][0]["data"]
    call = Call(pair["request"]["id"], deadline=time.monotonic() + 30, allowed=30)
    answers = await ask(Predictors(posting(predictor), None), texts, call)
    (request,) = sent
    return request, answers
