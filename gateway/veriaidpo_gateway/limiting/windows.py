"""What was taken in the last second, counted in this process alone; `lua/take.lua` is the same in Redis."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from veriaidpo_gateway.errors import ErrorCode

WINDOW = 1_000_000
"""Microseconds."""

_MOST_KEPT = 50_000
"""Limits one replica counts on its own; the least used are forgotten first."""


class Unit(Enum):
    """What is counted, and what a caller is told who has none left."""

    CALLS = ErrorCode.RATE_LIMITED
    CHARACTERS = ErrorCode.TOO_MANY_CHARACTERS


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit, and how much is to be taken out of it."""

    key: str
    most: int
    wanted: int = 1
    unit: Unit = Unit.CALLS


@dataclass(frozen=True, slots=True)
class Taken:
    """What is left after a call; `reset` and so on are whole seconds, as the headers want them."""

    admitted: bool
    limit: int
    remaining: int
    wait: int
    """Microseconds until a refused call is possible, or until the oldest one no longer counts."""

    unit: Unit = Unit.CALLS

    def headers(self) -> dict[str, str]:
        """Make the RateLimit headers of an answer."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(max(1, math.ceil(self.wait / WINDOW))),
        }


def nearer(one: Taken | None, other: Taken | None) -> Taken | None:
    """Of two limits, the one with the smaller share left: calls and characters have no other measure."""
    if one is None or other is None:
        return one or other
    return one if one.remaining * other.limit <= other.remaining * one.limit else other


@dataclass(slots=True)
class _Window:
    """What was taken in the last second: when, and how much."""

    entries: deque[tuple[int, int]] = field(default_factory=deque)
    used: int = 0

    def forget(self, before: int) -> None:
        while self.entries and self.entries[0][0] <= before:
            self.used -= self.entries.popleft()[1]

    def wait(self, room: int, now: int) -> int:
        """Microseconds until that much is free again; with `room` 0, until the oldest entry ends."""
        free = 0
        for at, cost in self.entries:
            free += cost
            if free >= room:
                return at + WINDOW - now
        return 0


class LocalWindows:
    """The same counting without Redis, in this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, _Window] = OrderedDict()

    def take(self, limits: Sequence[Limit]) -> Taken:
        """Take what is wanted out of every limit, or out of none."""
        now = int(self._clock() * 1_000_000)
        answer, refused = None, None
        for limit in limits:
            window = self._window(limit.key, now)
            over = window.used + limit.wanted - limit.most
            wait = window.wait(max(0, over), now)
            left = max(0, -over)
            if over > 0 and window.used:
                if refused is None or wait > refused.wait:
                    refused = Taken(False, limit.most, 0, wait, limit.unit)
            elif answer is None or left < answer.remaining:
                answer = Taken(True, limit.most, left, wait, limit.unit)
        if refused is not None or answer is None:
            return refused or Taken(True, 0, 0, 0)
        for limit in limits:
            window = self._kept[limit.key]
            window.entries.append((now, limit.wanted))
            window.used += limit.wanted
        return answer

    def _window(self, key: str, now: int) -> _Window:
        window = self._kept.setdefault(key, _Window())
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        window.forget(now - WINDOW)
        return window
