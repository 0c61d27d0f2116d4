"""The one way to Redis: a short wait, no retries, and a breaker, so that a dead Redis slows nobody.

The client's own defaults wait for seconds and try again; a cache may not cost more than what it saves. Its
timeouts are not used either: they cannot tell a Redis that is late from a gateway that is busy, and would
give up on a healthy Redis exactly when limits matter most.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from veriaidpo_gateway.breaker import Breaker

T = TypeVar("T")

PATIENCE = 0.05
"""Seconds Redis has for an answer, connecting included."""

_ROUNDS = 5
"""How often the wait may begin anew because it was this process that was busy."""

_CONNECTIONS = 8
"""A call takes a fraction of a millisecond: a burst waits for a connection rather than opening a hundred."""

_log = logging.getLogger(__name__)


class StoreAwayError(Exception):
    """Redis did not answer, or not with what was asked for, or is not being asked just now."""


class Store:
    """A Redis that may be away: every call either answers soon or raises StoreAwayError."""

    def __init__(self, redis: Redis, *, breaker: Breaker | None = None, patience: float = PATIENCE) -> None:
        self.redis, self._patience = redis, patience
        self._breaker = breaker or Breaker(failures=1, pause=1.0)
        self._turns = asyncio.Semaphore(_CONNECTIONS)

    @property
    def away(self) -> bool:
        """Whether the last answers were failures."""
        return self._breaker.open

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, or raise StoreAwayError: when it takes too long, or at once while Redis is away."""
        # Waiting for one's turn is not Redis being late, and whoever waited asks the breaker of then.
        async with self._turns:
            if not self._breaker.allows():
                raise StoreAwayError
            return await self._ask(call)

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await _patiently(call, self._patience)
        except ResponseError as error:
            # It is there: full, or with something of another kind under that key. The next call may go well.
            self._breaker.succeeded()
            raise StoreAwayError from error
        except (RedisError, OSError, TimeoutError) as error:
            if not self._breaker.open:
                _log.warning("redis is away: %s", type(error).__name__)
            self._breaker.failed()
            raise StoreAwayError from error
        if self._breaker.open:
            _log.info("redis is back")
        self._breaker.succeeded()
        return answer

    async def answers(self) -> bool:
        """Whether Redis answers now."""
        try:
            await self.ask(self.redis.ping)
        except StoreAwayError:
            return False
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()


async def _patiently(call: Callable[[], Awaitable[T]], patience: float) -> T:
    """Wait as long as Redis may take, and longer only while this thread was busy or was not run in time."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(call())
    try:
        for _ in range(_ROUNDS):
            started, worked = loop.time(), time.thread_time()
            await asyncio.wait((task,), timeout=patience)
            if task.done():
                return task.result()
            waited = loop.time() - started
            if waited < 1.2 * patience and time.thread_time() - worked < waited / 2:
                break
        raise TimeoutError
    finally:
        task.cancel()


def connect(url: str, *, patience: float = PATIENCE) -> Store:
    """Prepare a store; nothing is sent yet. The limits of the client itself are only a last resort."""
    pool = ConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        socket_timeout=5.0,
        socket_connect_timeout=5.0,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
    )
    return Store(Redis.from_pool(pool), patience=patience)
