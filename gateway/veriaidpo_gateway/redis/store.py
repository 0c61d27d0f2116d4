"""The one way to Redis: a short wait, no retries, and a breaker, so that a dead Redis slows nobody.

A cache may not cost more than what it saves. But a Redis that is late is not a gateway that is busy: who
takes one for the other gives up on a healthy Redis exactly when limits matter most (`patience.py`).
Where there are several servers, each that is away is away alone.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from veriaidpo_gateway.breaker import Breaker
from veriaidpo_gateway.redis.link import Command, LinkError, RefusedError
from veriaidpo_gateway.redis.nodes import Nodes, followed_nodes
from veriaidpo_gateway.redis.patience import Patience
from veriaidpo_gateway.settings import RedisSettings

PATIENCE = 0.05
"""Seconds Redis has for an answer, connecting included."""

HURRY = 0.01
"""Seconds for another server, where the same caller has waited in vain for one within the last second."""

_NOT_THE_PRIMARY = frozenset({"READONLY", "MASTERDOWN"})
_FULL = "OOM"
_OF_THIS_CALL = frozenset({_FULL, "WRONGTYPE"})
"""The next call may go well: Redis is full, or something of another kind is under that key."""

_log = logging.getLogger(__name__)


class StoreAwayError(Exception):
    """Redis did not answer, or not with what was asked for, or is not being asked just now."""


class Script:
    """A Lua script, which Redis is told once and then knows by its digest."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _breaker() -> Breaker:
    return Breaker(failures=1, pause=1.0)


@dataclass(slots=True)
class _Health:
    """What one server did of late."""

    full: bool = False
    """It had no room for what it was given last. It is asked on: what is there already is read."""

    answering: Breaker = field(default_factory=_breaker)
    # A replica that only reads refuses one sort of calls and answers the other: what was read says
    # nothing of whether it can be written to again.
    refusing: tuple[Breaker, Breaker] = field(default_factory=lambda: (_breaker(), _breaker()))

    @property
    def bad(self) -> bool:
        return self.answering.open or any(one.open for one in self.refusing)


class Store:
    """A Redis that may be away: every call either answers soon or raises StoreAwayError."""

    def __init__(self, nodes: Nodes, *, patience: float = PATIENCE) -> None:
        self._nodes, self._patience = nodes, patience
        self._health: dict[str, _Health] = {}
        self._late: WeakKeyDictionary[asyncio.Task[Any], float] = WeakKeyDictionary()
        self._said_away = False
        self.refused: Callable[[str], None] = lambda _: None
        """Told of every call that Redis answered with an error: which kind."""

    @property
    def away(self) -> bool:
        """Whether the last answers of a server were failures, or refusals that last."""
        bad = {place for place, health in self._health.items() if health.bad}
        return bool(bad) and not bad.isdisjoint(self._nodes.places())

    async def ask(self, *command: str | bytes | float, writes: bool = False) -> Any:
        """Call a command about the key that follows its name, or raise StoreAwayError.

        That is when it takes too long, or at once while Redis is away. `writes` says that the call changes
        something, which a Redis may refuse while it still reads.
        """
        return await self._ask(str(command[1]) if len(command) > 1 else "", command, writes=writes)

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Run a script that changes something; in a cluster its keys have to be in one slot."""
        known: Command = ("EVALSHA", script.digest, len(keys), *keys, *arguments)
        reply = await self._ask(keys[0], known, writes=True, passed_on="NOSCRIPT")
        if isinstance(reply, RefusedError):
            told: Command = ("EVAL", script.text, len(keys), *keys, *arguments)
            reply = await self._ask(keys[0], told, writes=True)
        return reply

    async def _ask(self, key: str, command: Command, *, writes: bool, passed_on: str = "") -> Any:
        health = self._health_of(self._nodes.place(key))
        refusing = health.refusing[writes]
        if not (refusing.allows() and health.answering.allows()):
            raise StoreAwayError
        try:
            (reply,) = await Patience(
                self._nodes.call(key, command), self._patience_now(), self._nodes.give_up
            ).wait()
        except (LinkError, TimeoutError) as error:
            self._waited_in_vain(error)
            # Meanwhile it may be known that another server has the key: that one did not answer.
            self._failed(
                self._health_of(self._nodes.place(key)).answering, str(error) or type(error).__name__
            )
            raise StoreAwayError from error
        self._closed(health.answering)
        is_refused = isinstance(reply, RefusedError) and reply.code != passed_on
        if writes:
            health.full = is_refused and reply.code == _FULL
        if is_refused:
            self._refused(refusing, reply.code)
            raise StoreAwayError from reply
        self._closed(refusing)
        return reply

    def _health_of(self, place: str) -> _Health:
        found = self._health.get(place)
        if found is None:
            now = self._nodes.places()
            self._health = {name: health for name, health in self._health.items() if name in now}
            found = self._health[place] = _Health()
        return found

    def _patience_now(self) -> float:
        """Seconds for an answer: no caller waits in vain for one server after the other."""
        if self._late and (me := asyncio.current_task()) is not None:
            since = asyncio.get_running_loop().time() - self._late.get(me, float("-inf"))
            if since < 1.0:
                return min(HURRY, self._patience)
        return self._patience

    def _waited_in_vain(self, error: Exception) -> None:
        if isinstance(error, TimeoutError) and (me := asyncio.current_task()) is not None:
            self._late[me] = asyncio.get_running_loop().time()

    def _refused(self, refusing: Breaker, code: str) -> None:
        self.refused(code)
        if code in _NOT_THE_PRIMARY:
            self._nodes.doubt()
        if code not in _OF_THIS_CALL:
            self._failed(refusing, code)

    def _failed(self, breaker: Breaker, what: str) -> None:
        breaker.failed()
        if not self._said_away and self.away:
            self._said_away = True
            _log.warning("redis is away: %s", what)

    def _closed(self, breaker: Breaker) -> None:
        breaker.succeeded()
        if self._said_away and not self.away:
            self._said_away = False
            _log.info("redis is back")

    async def answers(self) -> bool:
        """Whether Redis answers now, and refused nothing that it was asked for last."""
        try:
            await self.ask("PING")
        except StoreAwayError:
            return False
        full = {place for place, health in self._health.items() if health.full}
        return not self.away and full.isdisjoint(self._nodes.places())

    async def close(self) -> None:
        """Close the connections."""
        await self._nodes.close()


def connect(settings: RedisSettings, *, patience: float = PATIENCE) -> Store:
    """Prepare a store; nothing is sent yet. InvalidSettingsError when an address cannot be used."""
    return Store(followed_nodes(settings), patience=patience)
