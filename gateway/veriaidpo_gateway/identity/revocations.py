"""Tokens that are no longer believed, by tenant and `jti`, until they would have ended anyway.

Every replica keeps all of them and asks its own memory: a call costs no look-up elsewhere, and a Redis that
is away brings no token back. Redis is only how replicas tell each other. It may forget: what it lost is
written back by any replica that knows it. Names are kept as hashes.
"""

import hashlib
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from importlib import resources

from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.redis.store import Script, Store, StoreAwayError

KEY = "veriaidpo:revoked"
"""One hash: a field for each revocation, and one that changes whenever another does."""

EVERY = 1.0
"""Seconds between two looks at Redis."""

MOST = 10_000
"""Revocations a tenant may have at a time."""

CLOCKS = 60
"""Seconds a revocation outlives its token: another replica's clock may be behind."""

_AT_A_TIME = 1000
_CHANGED = "changed"
_NAME = re.compile(r"[0-9a-f]{16}:[0-9a-f]{32}", re.ASCII)

_log = logging.getLogger(__name__)


class Revocations:
    """What was revoked, here and by the other replicas. Times are seconds since 1970."""

    def __init__(
        self, store: Store | None, *, longest: int, clock: Callable[[], float] = time.time, most: int = MOST
    ) -> None:
        self.every = EVERY
        self._store, self.longest, self._clock, self._most = store, longest, clock, most
        script = (resources.files(__package__) / "lua" / "revoke.lua").read_text(encoding="utf-8")
        self._script = Script(script)
        self._until: dict[str, int] = {}
        self._seen: bytes | str | None = None
        self._unshared = False

    def revoked(self, caller: Caller) -> bool:
        """Whether the token this caller came with was revoked."""
        if caller.jti is None or not self._until:
            return False
        return self._until.get(_name(caller.tenant, caller.jti), 0) > self._clock()

    async def revoke(self, tenant: str, jti: str, exp: int) -> bool:
        """Revoke a tenant's token that ends at `exp`; False when only this replica knows of it yet."""
        name = _name(tenant, jti)
        if name not in self._until and self._of(name) >= self._most:
            raise GatewayError(
                ErrorCode.REVOCATIONS_FULL, {"max_revocations": self._most}, {"Retry-After": "60"}
            )
        # The later end wins, whoever says it.
        self._until[name] = max(exp + CLOCKS, self._until.get(name, 0))
        store = self._store
        if store is None:
            return True
        try:
            await self._write(store, {name: self._until[name]}, ())
        except StoreAwayError:
            self._unshared = True
            return False
        return True

    async def refresh(self) -> None:
        """Forget what has ended, learn what others revoked, and give Redis back what it lost."""
        now = self._clock()
        self._until = {name: until for name, until in self._until.items() if until > now}
        store = self._store
        if store is None:
            return
        try:
            changed = await store.ask("HGET", KEY, _CHANGED)
            if self._unshared or (self._until if changed is None else changed != self._seen):
                await self._exchange(store, now)
                # The state from before that: whatever was written meanwhile has made it another one.
                self._seen = changed
        except StoreAwayError:
            return  # the store has said so; what is known here still counts

    async def _exchange(self, store: Store, now: float) -> None:
        self._unshared = False
        try:
            shared = await self._read(store, now + self.longest + 2 * CLOCKS)
            for name, until in shared.items():
                if until > max(now, self._until.get(name, 0)):
                    self._until[name] = until
            lost = [(name, until) for name, until in self._until.items() if shared.get(name, 0) < until]
            ended = [name for name, until in shared.items() if until <= now]
            for start in range(0, max(len(lost), len(ended)), _AT_A_TIME):
                part = slice(start, start + _AT_A_TIME)
                await self._write(store, dict(lost[part]), ended[part])
        except StoreAwayError:
            self._unshared = True
            raise
        if lost:
            _log.info("gave redis back %d revocations", len(lost))

    async def _read(self, store: Store, latest: float) -> dict[str, int]:
        """Read all of it, a part at a time: Redis has little time for an answer, and others wait for both."""
        found: dict[str, int] = {}
        cursor = b"0"
        while True:
            cursor, part = await store.ask("HSCAN", KEY, cursor, "COUNT", _AT_A_TIME)
            found |= _parse(dict(zip(part[::2], part[1::2], strict=True)), latest)
            if cursor == b"0":
                return found

    async def _write(self, store: Store, until: Mapping[str, int], ended: Sequence[str]) -> None:
        fields = [str(part) for pair in until.items() for part in pair]
        if ended or fields:
            # The third argument is how many of those that follow have ended.
            arguments: list[str | int] = [
                uuid.uuid4().hex,
                self.longest + 2 * CLOCKS,
                len(ended),
                *ended,
                *fields,
            ]
            await store.run(self._script, [KEY], arguments)

    def _of(self, name: str) -> int:
        tenant, _, _ = name.partition(":")
        return sum(other.startswith(tenant) for other in self._until)


def _name(tenant: str, jti: str) -> str:
    return f"{_hash(tenant)[:16]}:{_hash(jti)[:32]}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _parse(found: Mapping[bytes, bytes], latest: float) -> dict[str, int]:
    """Read what is in Redis; what cannot have been written by a gateway is not there."""
    until = {}
    for field, value in found.items():
        name = field.decode("ascii", "replace")
        if _NAME.fullmatch(name) and value.isdigit() and len(value) < 12 and int(value) <= latest:
            until[name] = int(value)
    return until
