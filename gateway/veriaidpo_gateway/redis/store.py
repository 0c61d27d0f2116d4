"""The one way to Redis: a short wait, no retries, and a breaker, so that a dead Redis slows nobody.

A cache may not cost more than what it saves. But a Redis that is late is not a gateway that is busy: who
takes one for the other gives up on a healthy Redis exactly when limits matter most (`patience.py`).
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from veriaidpo_gateway.breaker import Breaker
from veriaidpo_gateway.redis.link import Command, LinkError, RefusedError
from veriaidpo_gateway.redis.nodes import Nodes, followed_nodes
from veriaidpo_gateway.redis.patience import Patience
from veriaidpo_gateway.settings import RedisSettings

PATIENCE = 0.05
"""Seconds Redis has for an answer, connecting included."""

_NOT_THE_PRIMARY = frozenset({"READONLY", "MASTERDOWN"})
_OF_THIS_CALL = frozenset({"OOM", "WRONGTYPE"})
"""The next call may go well: Redis is full, or something of another kind is under that key."""

_log = logging.getLogger(__name__)


class StoreAwayError(Exception):
    """Redis did not answer, or not with what was asked for, or is not being asked just now."""


class Script:
    """A Lua script, which Redis is told once and then knows by its digest."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Store:
    """A Redis that may be away: every call either answers soon or raises StoreAwayError."""

    def __init__(self, nodes: Nodes, *, breaker: Breaker | None = None, patience: float = PATIENCE) -> None:
        self._nodes, self._patience = nodes, patience
        self._breaker = breaker or Breaker(failures=1, pause=1.0)
        # A replica that only reads refuses one sort of calls and answers the other: what was read says
        # nothing of whether it can be written to again.
        self._refusing = {writes: Breaker(failures=1, pause=1.0) for writes in (False, True)}
        self.refused: Callable[[str], None] = lambda _: None
        """Told of every call that Redis answered with an error: which kind."""

    @property
    def away(self) -> bool:
        """Whether the last answers were failures, or refusals that last."""
        return self._breaker.open or any(one.open for one in self._refusing.values())

    async def ask(self, *command: str | bytes | float, writes: bool = False) -> Any:
        """Call a command about the key that follows its name, or raise StoreAwayError.

        That is when it takes too long, or at once while Redis is away. `writes` says that the call changes
        something, which a Redis may refuse while it still reads.
        """
        (reply,) = await self._ask(str(command[1]) if len(command) > 1 else "", [command], writes=writes)
        return reply

    async def ask_together(self, key: str, commands: Sequence[Command]) -> None:
        """Call commands about one key that change something: all of them, or none."""
        *_, done = await self._ask(key, [("MULTI",), *commands, ("EXEC",)], writes=True)
        self._check(done, self._refusing[True])

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[int]) -> Any:
        """Run a script that changes something; in a cluster its keys have to be in one slot."""
        known: Command = ("EVALSHA", script.digest, len(keys), *keys, *arguments)
        (reply,) = await self._ask(keys[0], [known], writes=True, passed_on="NOSCRIPT")
        if isinstance(reply, RefusedError):
            told: Command = ("EVAL", script.text, len(keys), *keys, *arguments)
            (reply,) = await self._ask(keys[0], [told], writes=True)
        return reply

    async def _ask(
        self, key: str, commands: Sequence[Command], *, writes: bool, passed_on: str = ""
    ) -> list[Any]:
        refusing = self._refusing[writes]
        if not (refusing.allows() and self._breaker.allows()):
            raise StoreAwayError
        try:
            replies = await Patience(
                self._nodes.call(key, commands), self._patience, self._nodes.give_up
            ).wait()
        except (LinkError, TimeoutError) as error:
            self._failed(self._breaker, str(error) or type(error).__name__)
            raise StoreAwayError from error
        self._closed(self._breaker)
        self._check(replies, refusing, passed_on)
        self._closed(refusing)
        return replies

    def _check(self, replies: Iterable[Any], refusing: Breaker, passed_on: str = "") -> None:
        for reply in replies:
            if isinstance(reply, RefusedError) and reply.code != passed_on:
                self._refused(refusing, reply.code)
                raise StoreAwayError from reply

    def _refused(self, refusing: Breaker, code: str) -> None:
        self.refused(code)
        if code in _NOT_THE_PRIMARY:
            self._nodes.doubt()
        if code not in _OF_THIS_CALL:
            self._failed(refusing, code)

    def _failed(self, breaker: Breaker, what: str) -> None:
        if not self.away:
            _log.warning("redis is away: %s", what)
        breaker.failed()

    def _closed(self, breaker: Breaker) -> None:
        was = self.away
        breaker.succeeded()
        if was and not self.away:
            _log.info("redis is back")

    async def answers(self) -> bool:
        """Whether Redis answers now, and refused nothing that it was asked for last."""
        try:
            await self.ask("PING")
        except StoreAwayError:
            return False
        return not self.away

    async def close(self) -> None:
        """Close the connections."""
        self._nodes.retire()


def connect(settings: RedisSettings, *, patience: float = PATIENCE) -> Store:
    """Prepare a store; nothing is sent yet. InvalidSettingsError when an address cannot be used."""
    return Store(followed_nodes(settings), patience=patience)
