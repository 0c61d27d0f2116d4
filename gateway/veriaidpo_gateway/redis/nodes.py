"""The servers behind an address, whatever is there; and an address that changes while the gateway runs."""

import asyncio
import functools
import ssl
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.followed import Followed
from veriaidpo_gateway.redis.link import Command, Replies, open_link
from veriaidpo_gateway.redis.primary import Primary
from veriaidpo_gateway.redis.url import RedisUrl, Shape, parse
from veriaidpo_gateway.settings import RedisSettings


class Nodes(Protocol):
    """The servers behind one address. Nothing is connected before somebody calls."""

    def call(self, key: str, command: Command) -> Replies:
        """Send a command about `key`; the future has one reply, may be cancelled, or has a LinkError."""

    def place(self, key: str) -> str:
        """Name the server that has the key: what fails there says nothing about another one."""

    def places(self) -> Collection[str]:
        """Name all servers that have keys now."""

    def give_up(self, answer: asyncio.Future[Any]) -> None:
        """Nobody waits for that answer any longer: drop the connection that others would wait on."""

    def doubt(self) -> None:
        """Look again at who is who before the next call."""

    async def close(self) -> None:
        """Close what is open as soon as it owes nothing."""


def nodes_of(url: RedisUrl, trust: ssl.SSLContext | None) -> Nodes:
    """Prepare the servers of an address."""
    # redis-py is 30 MB and most of a second, for those who need it.
    if url.shape is Shape.CLUSTER:
        from veriaidpo_gateway.redis.cluster import Cluster  # noqa: PLC0415

        return Cluster(url, trust)
    if url.shape is Shape.SENTINEL:
        from veriaidpo_gateway.redis.sentinel import find_primary  # noqa: PLC0415

        return Primary(lambda: find_primary(url, trust))
    return Primary(lambda: open_link(url.nodes[0], url.login, database=url.database, trust=trust))


class FollowedNodes:
    """The servers of the address of now: a new password or authority is used from the next call on."""

    def __init__(self, url: Callable[[], RedisUrl], trust: Callable[[], ssl.SSLContext]) -> None:
        self._url, self._trust = url, trust
        self._of: tuple[RedisUrl, ssl.SSLContext | None] = self._now()
        self._nodes = nodes_of(*self._of)
        self._leaving: set[asyncio.Task[None]] = set()

    def _now(self) -> tuple[RedisUrl, ssl.SSLContext | None]:
        url = self._url()
        return url, self._trust() if url.tls else None

    def call(self, key: str, command: Command) -> Replies:
        """Send a command about `key`."""
        url, trust = now = self._now()
        if self._of[0] is not url or self._of[1] is not trust:
            left = asyncio.create_task(self._nodes.close())
            self._leaving.add(left)
            left.add_done_callback(self._leaving.discard)
            self._of, self._nodes = now, nodes_of(url, trust)
        return self._nodes.call(key, command)

    def place(self, key: str) -> str:
        """Name the server that has the key."""
        return self._nodes.place(key)

    def places(self) -> Collection[str]:
        """Name all servers that have keys now."""
        return self._nodes.places()

    def give_up(self, answer: asyncio.Future[Any]) -> None:
        """Nobody waits for that answer any longer."""
        self._nodes.give_up(answer)

    def doubt(self) -> None:
        """Look again at who is who before the next call."""
        self._nodes.doubt()

    async def close(self) -> None:
        """Close what is open as soon as it owes nothing."""
        await asyncio.gather(self._nodes.close(), *self._leaving)


def followed_nodes(settings: RedisSettings) -> FollowedNodes:
    """Prepare the servers that the settings name; InvalidSettingsError when that cannot be read."""
    try:
        return FollowedNodes(_url(settings), _trust(settings.ca_file))
    except OSError as error:
        raise InvalidSettingsError("REDIS_URL_FILE, REDIS_CA_FILE: a file cannot be read") from error
    except ValueError as error:
        raise InvalidSettingsError(f"REDIS_URL: {error}") from error


def _url(settings: RedisSettings) -> Callable[[], RedisUrl]:
    if settings.url_file is None:
        fixed = parse(settings.url)
        return lambda: fixed
    followed = Followed(settings.url_file, lambda data: parse(data.decode()))
    return lambda: followed.value


def _trust(ca_file: Path | None) -> Callable[[], ssl.SSLContext]:
    if ca_file is None:
        return functools.cache(ssl.create_default_context)  # made when it is wanted: most need none
    followed = Followed(ca_file, lambda data: ssl.create_default_context(cadata=data.decode()))
    return lambda: followed.value
