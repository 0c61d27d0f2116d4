"""The one connection to Redis: short timeouts, no retries, and a breaker, so that a dead Redis slows nobody.

The client's own defaults wait for seconds and try again; a cache may not cost more than what it saves.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from veriaidpo_gateway.breaker import Breaker

T = TypeVar("T")

TIMEOUT = 0.05
"""Seconds, for connecting and for each answer."""

_log = logging.getLogger(__name__)


class StoreAwayError(Exception):
    """Redis did not answer, or is not being asked just now."""


class Store:
    """A Redis that may be away: every call either answers soon or raises StoreAwayError."""

    def __init__(self, redis: Redis, *, breaker: Breaker | None = None) -> None:
        self.redis = redis
        self._breaker = breaker or Breaker(failures=1, pause=1.0)

    @property
    def away(self) -> bool:
        """Whether the last answers were failures."""
        return self._breaker.open

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, or raise StoreAwayError: within the timeout, at once while Redis is known away."""
        if not self._breaker.allows():
            raise StoreAwayError
        try:
            answer = await call()
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


def connect(url: str) -> Store:
    """Prepare a store; nothing is sent yet."""
    return Store(
        Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            max_connections=64,
        )
    )
