"""The model that helps the rules: asked for names where one is served, and never waited for long.

Whatever becomes of it, an answer by the rules alone is an answer; nothing here raises.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from veriaidpo_gateway.errors import GatewayError
from veriaidpo_gateway.models.inference import TOGETHER
from veriaidpo_gateway.models.predictor import Call, Predictors
from veriaidpo_gateway.models.routes import Model, Routes
from veriaidpo_gateway.models.tagged import Tagged

PATIENCE = 2.0
"""Seconds the model has for all texts of a request."""


class Tagger:
    """Asks the company normaliser of a language."""

    def __init__(
        self, predictors: Predictors, routes: Callable[[], Routes], *, patience: float = PATIENCE
    ) -> None:
        self._predictors, self._routes, self._patience = predictors, routes, patience

    def model(self, language: str) -> Model | None:
        """Return the model that is served for a language."""
        try:
            return self._routes().tagger(language)
        except GatewayError:
            return None

    async def tag(self, texts: Sequence[str], language: str, request_id: str) -> dict[str, Tagged]:
        """Find names; a text that the model did not answer for, or not in time, is missing."""
        model = self.model(language)
        found: dict[str, Tagged] = {}
        if model is None:
            return found
        wanted = list(dict.fromkeys(texts))
        call = Call(request_id, time.monotonic() + self._patience, self._patience)
        try:
            async with asyncio.timeout(self._patience):
                for first in range(0, len(wanted), TOGETHER):
                    some = wanted[first : first + TOGETHER]
                    found |= zip(some, await self._predictors.tag(model, some, call), strict=True)
        except (GatewayError, TimeoutError):
            pass  # the predictors' client has noted why
        return found
