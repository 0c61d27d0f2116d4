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
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

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
        # A replica that only reads refuses one sort of calls and answers the other: what was read says
        # nothing of whether it can be written to again.
        self._refusing = {writes: Breaker(failures=1, pause=1.0) for writes in (False, True)}
        self._turns = asyncio.Semaphore(_CONNECTIONS)
        self.refused: Callable[[str], None] = lambda _: None
        """Told of every call that Redis answered with an error: which kind."""

    @property
    def away(self) -> bool:
        """Whether the last answers were failures, or refusals that last."""
        return self._breaker.open or any(one.open for one in self._refusing.values())

    async def ask(self, call: Callable[[], Awaitable[T]], *, writes: bool = False) -> T:
        """Make a call, or raise StoreAwayError: when it takes too long, or at once while Redis is away.

        `writes` says that the call changes something, which a Redis may refuse while it still reads.
        """
        # Waiting for one's turn is not Redis being late, and whoever waited asks the breakers of then.
        async with self._turns:
            if not (self._refusing[writes].allows() and self._breaker.allows()):
                raise StoreAwayError
            return await self._ask(call, self._refusing[writes])

    async def _ask(self, call: Callable[[], Awaitable[T]], refusing: Breaker) -> T:
        try:
            answer = await _patiently(call, self._patience)
        except ResponseError as error:
            self._closed(self._breaker)
            self.refused(type(error).__name__)
            if not _of_this_call(error):
                self._failed(refusing, error)
            raise StoreAwayError from error
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(self._breaker, error)
            raise StoreAwayError from error
        self._closed(self._breaker)
        self._closed(refusing)
        return answer

    def _failed(self, breaker: Breaker, error: Exception) -> None:
        if not self.away:
            _log.warning("redis is away: %s", type(error).__name__)
        breaker.failed()

    def _closed(self, breaker: Breaker) -> None:
        was = self.away
        breaker.succeeded()
        if was and not self.away:
            _log.info("redis is back")

    async def answers(self) -> bool:
        """Whether Redis answers now, and refused nothing that it was asked for last."""
        try:
            await self.ask(self.redis.ping)
        except StoreAwayError:
            return False
        return not self.away

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()


def _of_this_call(error: ResponseError) -> bool:
    """Whether the next call may go well: something of another kind is under that key, or Redis is full."""
    return isinstance(error, OutOfMemoryError) or "WRONGTYPE" in str(error)


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
