"""Results that were given before: label data only, never a text, and only under the revision that gave them.

A key is an HMAC over everything that makes two questions the same, each part with its length; an entry
carries a MAC of its own, bound to its key. Whatever was cut, moved, or written by somebody else is simply not
there.
"""

import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.redis.store import Store, StoreAwayError
from veriaidpo_gateway.settings import CacheSettings

_SCHEMA = b"1"
_PREFIX = "veriaidpo:result:"
_MAC_LENGTH = 64


class Entries(Protocol):
    """Where entries are kept. Neither way ever raises: what cannot be reached is not there."""

    async def get(self, key: str) -> bytes | None:
        """Find an entry."""

    async def put(self, key: str, entry: bytes, ttl: int) -> None:
        """Keep an entry for `ttl` seconds."""


class RedisEntries:
    """Entries shared by all replicas."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, key: str) -> bytes | None:
        """Find an entry; a dead Redis has none."""
        try:
            found = await self._store.ask("GET", _PREFIX + key)
        except StoreAwayError:
            return None
        return found if isinstance(found, bytes) else None

    async def put(self, key: str, entry: bytes, ttl: int) -> None:
        """Keep an entry, if Redis is there."""
        try:
            await self._store.ask("SET", _PREFIX + key, entry, "EX", ttl, writes=True)
        except StoreAwayError:
            return


class LocalEntries:
    """Entries of this process, for an installation without Redis."""

    def __init__(self, *, most: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        """Find an entry that is still good."""
        found = self._kept.get(key)
        if found is None or found[0] <= self._clock():
            return None
        self._kept.move_to_end(key)
        return found[1]

    async def put(self, key: str, entry: bytes, ttl: int) -> None:
        """Keep an entry; the one not used for longest makes room."""
        self._kept[key] = (self._clock() + ttl, entry)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Cache:
    """Finds and keeps inferences."""

    def __init__(
        self, settings: CacheSettings, entries: Entries, *, refused: Callable[[], None] = lambda: None
    ) -> None:
        self._refused = refused
        """Told of every entry that is there and not believed."""
        secret = settings.key or secrets.token_bytes(32)
        self._entries, self._ttl = entries, settings.ttl
        self._key_secret = hmac.digest(secret, b"veriaidpo cache key", "sha256")
        self._entry_secret = hmac.digest(secret, b"veriaidpo cache entry", "sha256")

    def key(self, *, tenant: str, model: str, revision: str, normaliser: str, text: str) -> str:
        """Name a question: 64 hex characters that say nothing about it."""
        parts = (_SCHEMA, *(word.encode() for word in (tenant, model, revision, normaliser, text)))
        said = b"".join(piece for part in parts for piece in (len(part).to_bytes(8, "big"), part))
        return hmac.digest(self._key_secret, said, "sha256").hex()

    async def get(self, key: str, *, labels: int) -> Inference | None:
        """Look a question up; a broken entry, or one for another number of labels, is a miss."""
        entry = await self._entries.get(key)
        if entry is None:
            return None
        found = self._read(key, entry, labels)
        if found is None:
            self._refused()
        return found

    def _read(self, key: str, entry: bytes, labels: int) -> Inference | None:
        mac, data = entry[:_MAC_LENGTH], entry[_MAC_LENGTH:]
        if not data or not hmac.compare_digest(mac, self._mac(key, data)):
            return None
        try:
            return _inference(orjson.loads(data), labels)
        except (ValueError, TypeError, KeyError):
            return None

    async def put(self, key: str, inference: Inference) -> None:
        """Keep an answer for as long as the settings say."""
        data = orjson.dumps(
            {
                "category_id": inference.category_id,
                "probabilities": inference.probabilities,
                "truncated": inference.truncated,
                "revision": inference.revision,
            }
        )
        await self._entries.put(key, self._mac(key, data) + data, self._ttl)

    def _mac(self, key: str, data: bytes) -> bytes:
        return hmac.digest(self._entry_secret, key.encode() + data, "sha256").hex().encode()


def _inference(found: dict[str, Any], labels: int) -> Inference:
    probabilities = tuple(float(p) for p in found["probabilities"])
    category = found["category_id"]
    if len(probabilities) != labels or not all(map(math.isfinite, probabilities)):
        raise ValueError("another model's answer")
    if type(category) is not int or not 0 <= category < labels:
        raise ValueError("no such category")
    return Inference(category, probabilities, bool(found["truncated"]), str(found["revision"]))
