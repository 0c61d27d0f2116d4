"""How much: every user and every tenant has so many calls a second, counted by all replicas in Redis.

While Redis is away each replica counts alone and lets its share through, so at most one more window passes at
the switch. What is counted is calls in any second, not calls in a second of the clock.
"""

import asyncio
import hashlib
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

from veriaidpo_gateway.access import Caller
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.settings import LimitSettings
from veriaidpo_gateway.store import Store, StoreAwayError

WINDOW = 1_000_000
"""Microseconds."""

_MOST_KEPT = 50_000
"""Limits one replica counts on its own; the least used are forgotten first."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What is left after a call; `reset` and so on are whole seconds, as the headers want them."""

    admitted: bool
    limit: int
    remaining: int
    wait: int
    """Microseconds until a refused call is possible, or until the oldest one no longer counts."""

    def headers(self) -> dict[str, str]:
        """Make the RateLimit headers of an answer."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(max(1, math.ceil(self.wait / WINDOW))),
        }


class LocalWindows:
    """The same counting without Redis, in this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, deque[int]] = OrderedDict()

    def take(self, limits: Sequence[tuple[str, int]]) -> Taken:
        """Take one call out of every limit, or out of none."""
        now = int(self._clock() * 1_000_000)
        answer, refused = None, None
        for key, limit in limits:
            times = self._times(key, now)
            wait = times[0] + WINDOW - now if times else 0
            left = limit - len(times) - 1
            if left < 0:
                refused = Taken(False, limit, 0, max(wait, refused.wait if refused else 0))
            elif answer is None or left < answer.remaining:
                answer = Taken(True, limit, left, wait)
        if refused is not None or answer is None:
            return refused or Taken(True, 0, 0, 0)
        for key, _ in limits:
            self._kept[key].append(now)
        return answer

    def _times(self, key: str, now: int) -> deque[int]:
        times = self._kept.setdefault(key, deque())
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        while times and times[0] <= now - WINDOW:
            times.popleft()
        return times


class Limits:
    """Limits per tenant and user."""

    def __init__(
        self, settings: LimitSettings, store: Store | None, *, local: LocalWindows | None = None
    ) -> None:
        self._settings, self._store = settings, store
        self._local = local or LocalWindows()
        script = (resources.files(__package__) / "lua" / "take.lua").read_text(encoding="utf-8")
        self._script = store.redis.register_script(script) if store else None

    async def take(self, caller: Caller) -> Taken | None:
        """Count one call, or raise 429. None when there are no limits."""
        limits = self._of(caller)
        if not limits:
            return None
        taken = await self._take(limits)
        if not taken.admitted:
            raise _refused(taken)
        return taken

    async def wait_turn(self, caller: Caller, deadline: float) -> None:
        """Count one item of a batch as a call, when there is room for it; 429 if not before `deadline`.

        A batch is larger than what a second may hold, so its items wait where a call would be refused.
        `deadline` is in monotonic seconds.
        """
        limits = self._of(caller)
        while limits:
            taken = await self._take(limits)
            if taken.admitted:
                return
            wait = max(0.005, taken.wait / WINDOW)
            if time.monotonic() + wait > deadline:
                raise _refused(taken)
            await asyncio.sleep(wait)

    async def _take(self, limits: Sequence[tuple[str, int]]) -> Taken:
        script = self._script
        if self._store is not None and script is not None:
            arguments = [WINDOW, *(limit for _, limit in limits)]
            try:
                found = await self._store.ask(lambda: script(keys=[key for key, _ in limits], args=arguments))
                return Taken(bool(found[0]), int(found[1]), int(found[2]), int(found[3]))
            except StoreAwayError:
                pass
        shares = [(key, math.ceil(limit / self._settings.replicas)) for key, limit in limits]
        return self._local.take(shares)

    def _of(self, caller: Caller) -> list[tuple[str, int]]:
        tenant = _hash(caller.tenant)
        limits = []
        if self._settings.per_user:
            # The braces keep both lists of a tenant on one node of a Redis cluster.
            limits.append((f"veriaidpo:limit:{{{tenant}}}:{_hash(caller.sub)}", self._settings.per_user))
        if self._settings.per_tenant:
            limits.append((f"veriaidpo:limit:{{{tenant}}}", self._settings.per_tenant))
        return limits


def _refused(taken: Taken) -> GatewayError:
    seconds = max(1, math.ceil(taken.wait / WINDOW))
    return GatewayError(
        ErrorCode.RATE_LIMITED,
        {"retry_after_seconds": seconds, "limit": taken.limit},
        {"Retry-After": str(seconds), **taken.headers()},
    )


def _hash(name: str) -> str:
    """Make a name of fixed length: no two callers can be written as the same key."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]
