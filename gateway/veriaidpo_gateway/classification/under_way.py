"""Equal questions at the same time: one is asked, and all of them get its answer. For one replica."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from veriaidpo_gateway.errors import GatewayError
from veriaidpo_gateway.models.inference import Inference

Ask = Callable[[], Coroutine[Any, Any, Inference]]


class UnderWay:
    """The questions that are being asked, by the names they have in the cache: a tenant's are its own."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Inference]] = {}

    async def share(self, key: str, ask: Ask) -> Inference:
        """Ask, or wait for who already does; who waited in vain asks too, for there may be time left."""
        before = self._tasks.get(key)
        if before is None:
            return await self._first(key, ask)
        try:
            return await asyncio.shield(before)
        except GatewayError:
            return await ask()

    async def _first(self, key: str, ask: Ask) -> Inference:
        # A task of its own: the others still wait when this caller has gone.
        task = self._tasks[key] = asyncio.create_task(ask())

        def done(finished: asyncio.Task[Inference]) -> None:
            del self._tasks[key]
            if not finished.cancelled():
                finished.exception()  # somebody may have to look, and every caller may have gone

        task.add_done_callback(done)
        return await asyncio.shield(task)
