"""A caller who goes away: what was asked for is broken off, so that nobody computes it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from veriaidpo_predictor.serving import refusals
from veriaidpo_predictor.serving.refusals import RefusedError


async def while_there(
    work: Awaitable[None], receive: Callable[[], Awaitable[Mapping[str, Any]]], is_over: Callable[[], bool]
) -> None:
    """Answer a request whose body was read; raises RefusedError once its caller has gone.

    A server says so of a connection that is closed, and of an answer that is over, which `is_over` tells.
    """
    task = asyncio.current_task()
    has_left = False

    async def watch() -> None:
        nonlocal has_left
        while (await receive())["type"] != "http.disconnect":
            continue
        if task is not None and not is_over():
            has_left = True
            task.cancel()

    watching = asyncio.create_task(watch())
    try:
        await work
    except asyncio.CancelledError:
        if task is not None and has_left and not task.uncancel():
            raise RefusedError(refusals.LEFT) from None
        raise
    finally:
        watching.cancel()
