"""How much: every user and every tenant has so many calls and so much text a second, counted in Redis by all.

While Redis is away each replica counts alone and lets its share through, so at most one more window passes at
the switch. What is counted is what happened in any second, not in a second of the clock.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import resources

from veriaidpo_gateway import tracing
from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.errors import GatewayError
from veriaidpo_gateway.followed import Followed
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.limiting import plans
from veriaidpo_gateway.limiting.plans import Plan, Plans
from veriaidpo_gateway.limiting.windows import WINDOW, Limit, LocalWindows, Taken, Unit
from veriaidpo_gateway.redis.store import Script, Store, StoreAwayError
from veriaidpo_gateway.settings import LimitSettings


class Limits:
    """Limits per tenant and user; InvalidSettingsError when the file of plans cannot be used."""

    def __init__(
        self, settings: LimitSettings, store: Store | None, *, local: LocalWindows | None = None
    ) -> None:
        self._replicas, self._store = settings.replicas, store
        self._plans = _plans(settings)
        self._local = local or LocalWindows()
        script = (resources.files(__package__) / "lua" / "take.lua").read_text(encoding="utf-8")
        self._script = Script(script)

    async def take(self, caller: Caller) -> Taken | None:
        """Count one call, or raise 429. None when there are no limits on calls."""
        return await self._take_or_refuse(self._of(caller, calls=1, characters=0))

    async def take_text(self, caller: Caller, text: str) -> Taken | None:
        """Count the characters of a text whose call was counted before, or raise 429. None without limits."""
        return await self._take_or_refuse(self._of(caller, calls=0, characters=len(text)))

    async def wait_turn(self, caller: Caller, characters: int, deadline: float, *, calls: int = 1) -> None:
        """Count one item of a batch, and its text, when there is room for it; 429 if not before `deadline`.

        A batch is larger than what a second may hold, so its items wait where a call would be refused.
        `deadline` is in monotonic seconds.
        """
        limits = self._of(caller, calls=calls, characters=characters)
        while limits:
            taken = await self._take(limits)
            if taken.admitted:
                return
            wait = max(0.005, taken.wait / WINDOW)
            if time.monotonic() + wait > deadline:
                raise _refused(taken)
            await asyncio.sleep(wait)

    def record_days(self, tenant: str) -> int:
        """Say how many days a tenant's decision records are kept; 0: for ever."""
        return self._plans().of(tenant).record_days

    def some_record_days(self) -> bool:
        """Say whether anybody's are not kept for ever."""
        return any(plan.record_days for plan in self._plans().all())

    async def _take_or_refuse(self, limits: Sequence[Limit]) -> Taken | None:
        if not limits:
            return None
        with tracing.stage("limit"):
            taken = await self._take(limits)
            if not taken.admitted:
                raise _refused(taken)
        return taken

    async def _take(self, limits: Sequence[Limit]) -> Taken:
        if self._store is not None:
            arguments = [WINDOW, *(limit.most for limit in limits), *(limit.wanted for limit in limits)]
            try:
                found = await self._store.run(self._script, [limit.key for limit in limits], arguments)
                which, admitted, most, left, wait = map(int, found)
                return Taken(bool(admitted), most, left, wait, limits[which - 1].unit)
            except StoreAwayError:
                pass
        return self._local.take(
            [replace(limit, most=math.ceil(limit.most / self._replicas)) for limit in limits]
        )

    def _of(self, caller: Caller, *, calls: int, characters: int) -> list[Limit]:
        plan = self._plans().of(caller.tenant)
        if not (calls and (plan.user_requests or plan.tenant_requests)) and not (
            characters and (plan.user_characters or plan.tenant_characters)
        ):
            return []
        # The braces keep all lists of a tenant on one node of a Redis cluster.
        tenant = f"veriaidpo:limit:{{{_hash(caller.tenant)}}}"
        user = f"{tenant}:{_hash(caller.sub)}"
        limits = []
        if calls:
            limits += [
                Limit(user, plan.user_requests, calls),
                Limit(tenant, plan.tenant_requests, calls),
            ]
        if characters:
            limits += [
                Limit(f"{user}:characters", plan.user_characters, characters, Unit.CHARACTERS),
                Limit(f"{tenant}::characters", plan.tenant_characters, characters, Unit.CHARACTERS),
            ]
        return [limit for limit in limits if limit.most]


def _plans(settings: LimitSettings) -> Callable[[], Plans]:
    try:
        usual = Plan(
            user_requests=settings.per_user,
            user_characters=settings.characters_per_user,
            tenant_requests=settings.per_tenant,
            tenant_characters=settings.characters_per_tenant,
            record_days=settings.record_days,
        )
    except ValueError as error:
        raise InvalidSettingsError(
            f"CHARACTER_LIMIT_PER_SECOND, TENANT_CHARACTER_LIMIT_PER_SECOND: {error}"
        ) from error
    if settings.plans is None:
        fixed = Plans(usual)
        return lambda: fixed
    try:
        followed = Followed(settings.plans, lambda data: plans.parse(data, usual))
    except (OSError, ValueError) as error:
        raise InvalidSettingsError(f"PLANS_FILE: {error}") from error
    return lambda: followed.value


def _refused(taken: Taken) -> GatewayError:
    seconds = max(1, math.ceil(taken.wait / WINDOW))
    return GatewayError(
        taken.unit.value,
        {"retry_after_seconds": seconds, "limit": taken.limit},
        {"Retry-After": str(seconds), **taken.headers()},
    )


@lru_cache(maxsize=10_000)
def _hash(name: str) -> str:
    """Make a name of fixed length: no two callers can be written as the same key."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]
