"""The one server that a call goes to: always the same, or the primary that Sentinels name now."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from veriaidpo_gateway.redis.link import Command, Link, LinkError, Replies, open_link
from veriaidpo_gateway.redis.url import Node, RedisUrl

T = TypeVar("T")


class Primary:
    """The connection to one server; opened again, and the server found again, when it was lost."""

    def __init__(self, find: Callable[[], Awaitable[Link]]) -> None:
        self._find = find
        self._link: Link | None = None
        self._connecting: asyncio.Task[Link] | None = None

    def call(self, key: str, commands: Sequence[Command]) -> Replies:  # noqa: ARG002  all keys are there
        """Send commands, over the connection that is there or the next one."""
        if self._link is not None and not self._link.closed:
            return self._link.call(commands)
        return asyncio.ensure_future(self._connected_call(commands))

    async def _connected_call(self, commands: Sequence[Command]) -> list[Any]:
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        # One connects for all, and goes on when who asked for it has given up.
        connecting = self._connecting
        try:
            link = await asyncio.shield(connecting)
        except asyncio.CancelledError:
            if connecting.cancelled():
                raise LinkError("retired") from None
            raise
        return await link.call(commands)

    async def _connect(self) -> Link:
        try:
            self._link = await self._find()
        finally:
            self._connecting = None
        return self._link

    def give_up(self, answer: asyncio.Future[Any]) -> None:
        """Drop the connection that owes the answer."""
        if self._link is not None and self._link.owes(answer):
            self._link.abort()

    def doubt(self) -> None:
        """Find the server again."""
        link, self._link = self._link, None
        if link is not None:
            link.retire()

    def retire(self) -> None:
        """Close the connection as soon as it owes nothing."""
        self.doubt()
        if self._connecting is not None:
            self._connecting.cancel()


async def find_primary(url: RedisUrl, trust: ssl.SSLContext | None) -> Link:
    """Connect to whom the first Sentinel that answers names, if that is what it is; else LinkError."""
    node = await first_good(_named_by(sentinel, url, trust) for sentinel in url.nodes)
    link = await open_link(node, url.login, database=url.database, trust=trust)
    (role,) = await link.call([("ROLE",)])
    if not isinstance(role, list) or role[0] != b"master":
        link.abort()
        raise LinkError("not the primary any more")
    return link


async def _named_by(sentinel: Node, url: RedisUrl, trust: ssl.SSLContext | None) -> Node:
    link = await open_link(sentinel, url.sentinel_login, trust=trust)
    try:
        (found,) = await link.call([("SENTINEL", "GET-MASTER-ADDR-BY-NAME", url.service)])
    finally:
        link.abort()
    if not isinstance(found, list):
        raise LinkError("a Sentinel that does not know the service")
    host, port = found
    return Node(host.decode(), int(port))


async def first_good(asked: Iterable[Awaitable[T]]) -> T:
    """Ask all at once and take the first good answer; LinkError when there is none."""
    tasks = [asyncio.ensure_future(one) for one in asked]
    try:
        for done in asyncio.as_completed(tasks):
            with suppress(LinkError):
                return await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    raise LinkError("nobody who knows")
