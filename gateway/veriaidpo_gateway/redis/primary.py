"""The one server that every call goes to: the one that is named, or the primary of now."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from veriaidpo_gateway.redis.link import Command, Link, LinkError, Replies

FIND_SECONDS = 5.0
"""To find the server and be connected to it; then it is looked for anew."""

_HERE = ""


class Primary:
    """The connection to one server; opened again, and the server found again, when it was lost."""

    def __init__(self, find: Callable[[], Awaitable[Link]]) -> None:
        self._find = find
        self._link: Link | None = None
        self._connecting: asyncio.Task[Link] | None = None

    def place(self, key: str) -> str:  # noqa: ARG002  all keys are there
        """Name the only server there is."""
        return _HERE

    def places(self) -> Collection[str]:
        """Name the only server there is."""
        return (_HERE,)

    def call(self, key: str, command: Command) -> Replies:  # noqa: ARG002
        """Send a command, over the connection that is there or the next one."""
        if self._link is not None and not self._link.closed:
            return self._link.call((command,))
        return asyncio.ensure_future(self._connected_call(command))

    async def _connected_call(self, command: Command) -> list[Any]:
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
        return await link.call((command,))

    async def _connect(self) -> Link:
        try:
            async with asyncio.timeout(FIND_SECONDS):
                self._link = await self._find()
        except TimeoutError as error:
            raise LinkError("not found in time") from error
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

    async def close(self) -> None:
        """Close the connection as soon as it owes nothing."""
        self.doubt()
        if (connecting := self._connecting) is not None:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
