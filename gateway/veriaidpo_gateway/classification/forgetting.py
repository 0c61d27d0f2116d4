"""Tenants whose cached results are not to be found any more, where no database of records says so.

Each replica keeps all of them; Redis is how they tell each other, and what it lost is written back by any
replica that knows it. Names are kept as hashes, and only as long as a result of before could still be there.
"""

import hashlib
import time
from collections.abc import Callable, Mapping

from veriaidpo_gateway.identity.forgotten import ForgottenUpTo
from veriaidpo_gateway.redis.store import Store, StoreAwayError

KEY = "veriaidpo:forgotten"
"""One hash: of each tenant, milliseconds since 1970 up to which its results are forgotten."""

EVERY = 2.0
"""Seconds until a replica learns what another one forgot."""

CLOCKS = 120
"""Seconds for which it is known longer than results are kept: another replica's clock may be behind."""


class Forgotten:
    """What was forgotten, here and by the other replicas. `ttl`: seconds that a result is kept."""

    every = EVERY

    def __init__(self, store: Store | None, *, ttl: int, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        self._kept_for = ttl + CLOCKS
        self._forgotten = ForgottenUpTo(self._kept_for * 1000)

    def cached_as(self, tenant: str) -> str:
        """Name a tenant for its cached results: those of before are not found any more."""
        return self._forgotten.name(tenant, _hash(tenant)) if self._forgotten.known else tenant

    async def forget(self, tenant: str) -> tuple[int, bool]:
        """Forget up to now: up to when, and False when only this replica knows of it yet."""
        before = self._forgotten.next(_hash(tenant), self._now())
        self._learn({_hash(tenant): before})
        try:
            await self._write({_hash(tenant): before})
        except StoreAwayError:
            return before, False
        return before, True

    async def refresh(self) -> None:
        """Learn what others forgot, give Redis back what it lost, and let go of what is long past."""
        if self._store is None:
            self._learn({})
            return
        try:
            shared = _parse(await self._store.ask("HGETALL", KEY))
            self._learn(shared)
            known = self._forgotten.known.items()
            await self._write({name: at for name, at in known if shared.get(name, 0) < at})
            past = [name for name in shared if name not in self._forgotten.known]
            if past:
                await self._store.ask("HDEL", KEY, *past, writes=True)
        except StoreAwayError:
            return  # the store has said so; what is known here still counts

    def _learn(self, found: Mapping[str, int]) -> None:
        self._forgotten.learn(found, self._now())

    def _now(self) -> int:
        return int(self._clock() * 1000)

    async def _write(self, before: Mapping[str, int]) -> None:
        if self._store is not None and before:
            fields = [part for pair in before.items() for part in pair]
            await self._store.ask("HSET", KEY, *fields, writes=True)
            await self._store.ask("EXPIRE", KEY, self._kept_for, writes=True)


def _hash(tenant: str) -> str:
    return hashlib.sha256(tenant.encode()).hexdigest()[:32]


def _parse(found: list[bytes]) -> dict[str, int]:
    """Read what is in Redis; what cannot have been written by a gateway is not there."""
    pairs = zip(found[::2], found[1::2], strict=True)
    return {
        name.decode("ascii", "replace"): int(value)
        for name, value in pairs
        if value.isdigit() and len(value) < 15
    }
