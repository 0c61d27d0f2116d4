"""One connection to a Redis server that all calls share: each is sent at once, and answers come in order.

hiredis writes the commands and reads the answers. Why not the client library around it:
docs/design/2026-11-24-clients-of-the-gateway.md.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import hiredis

from veriaidpo_gateway.redis.url import Login, Node

Command = tuple[str | bytes | int | float, ...]
Replies = asyncio.Future[list[Any]]

CONNECT_SECONDS = 2.0
"""To be connected and known. Who waits for it gives up long before; the next one finds it done."""

_NOTHING = object()
_CODE = re.compile(r"[A-Z]{2,20}", re.ASCII)


class LinkError(Exception):
    """There is no connection, or it was lost. The text is the kind of trouble."""


class RefusedError(Exception):
    """What Redis answers to a command that it does not carry out. `code` is its first word."""

    @property
    def code(self) -> str:
        """Which kind of error it is, such as READONLY, OOM or WRONGTYPE."""
        word = str(self).partition(" ")[0]
        return word if _CODE.fullmatch(word) else "ERR"


@dataclass(slots=True)
class _Waiting:
    answer: Replies
    wanted: int
    replies: list[Any] = field(default_factory=list)


class Link(asyncio.Protocol):
    """A connection that is there until it is lost; then `closed`, for ever."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(replyError=RefusedError, notEnoughData=_NOTHING)
        self._waiting: deque[_Waiting] = deque()
        self._retired = False
        self._transport: asyncio.Transport | None = None
        self.closed = False

    def call(self, commands: Sequence[Command]) -> Replies:
        """Send commands, nothing of others between them; their answers, with RefusedErrors among them."""
        answer: Replies = asyncio.get_running_loop().create_future()
        if self.closed or self._transport is None:
            answer.set_exception(LinkError("closed"))
            return answer
        self._waiting.append(_Waiting(answer, len(commands)))
        self._transport.write(b"".join(_packed(command) for command in commands))
        return answer

    def retire(self) -> None:
        """Close once everything has its answer."""
        self._retired = True
        if not self._waiting:
            self.abort()

    def abort(self) -> None:
        """Close now; whoever waits gets a LinkError."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def owes(self, answer: asyncio.Future[Any]) -> bool:
        """Whether that answer is still to come over this connection."""
        return any(waiting.answer is answer for waiting in self._waiting)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio's protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Part of asyncio's protocol."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _NOTHING:
                self._hand_on(reply)
        except (hiredis.ProtocolError, IndexError):
            self.abort()  # not Redis, or it answers what nobody asked

    def _hand_on(self, reply: Any) -> None:
        first = self._waiting[0]
        first.replies.append(reply)
        if len(first.replies) < first.wanted:
            return
        self._waiting.popleft()
        if not first.answer.done():
            first.answer.set_result(first.replies)
        if self._retired and not self._waiting:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio's protocol."""
        self.closed = True
        for waiting in self._waiting:
            if not waiting.answer.done():
                waiting.answer.set_exception(LinkError(type(exc).__name__ if exc else "closed"))
        self._waiting.clear()


async def open_link(
    node: Node, login: Login, *, database: int = 0, trust: ssl.SSLContext | None = None
) -> Link:
    """Connect, say who we are and which database is meant; LinkError names what did not work."""
    greeting: list[Command] = []
    if (known := login.command()) is not None:
        greeting.append(known)
    if database:
        greeting.append(("SELECT", database))
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            loop = asyncio.get_running_loop()
            _, link = await loop.create_connection(Link, node.host, node.port, ssl=trust)
            await _greet(link, greeting)
    except (OSError, TimeoutError, ValueError) as error:  # ValueError: a name that cannot be one
        raise LinkError(type(error).__name__) from error
    return link


async def _greet(link: Link, greeting: Sequence[Command]) -> None:
    refused: RefusedError | None = None
    try:
        for reply in await link.call(greeting) if greeting else ():
            refused = refused or (reply if isinstance(reply, RefusedError) else None)
    except BaseException:
        link.abort()
        raise
    if refused is not None:
        link.abort()
        raise LinkError(refused.code)


def _packed(command: Command) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its type says: one word
    return packed
