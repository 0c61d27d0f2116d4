"""The servers behind an address, whatever is there; and an address that changes while the gateway runs."""

import asyncio
import functools
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.followed import Followed
from veriaidpo_gateway.redis.cluster import Cluster
from veriaidpo_gateway.redis.link import Command, Replies, open_link
from veriaidpo_gateway.redis.primary import Primary, find_primary
from veriaidpo_gateway.redis.url import RedisUrl, Shape, parse
from veriaidpo_gateway.settings import RedisSettings


class Nodes(Protocol):
    """The servers behind one address. Nothing is connected before somebody calls."""

    def call(self, key: str, commands: Sequence[Command]) -> Replies:
        """Send commands that all are about `key`; the future may be cancelled, or has a LinkError."""

    def give_up(self, answer: asyncio.Future[Any]) -> None:
        """Nobody waits for that answer any longer: drop the connection that owes it."""

    def doubt(self) -> None:
        """Look again at who is who before the next call."""

    def retire(self) -> None:
        """Close what is open as soon as it owes nothing."""


def nodes_of(url: RedisUrl, trust: ssl.SSLContext | None) -> Nodes:
    """Prepare the servers of an address."""
    if url.shape is Shape.CLUSTER:
        return Cluster(url, trust)
    if url.shape is Shape.SENTINEL:
        return Primary(lambda: find_primary(url, trust))
    return Primary(lambda: open_link(url.nodes[0], url.login, database=url.database, trust=trust))


class FollowedNodes:
    """The servers of the address of now: a new password or authority is used from the next call on."""

    def __init__(self, url: Callable[[], RedisUrl], trust: Callable[[], ssl.SSLContext]) -> None:
        self._url, self._trust = url, trust
        self._of: tuple[RedisUrl, ssl.SSLContext | None] = url(), None
        self._nodes: Nodes | None = None

    def call(self, key: str, commands: Sequence[Command]) -> Replies:
        """Send commands that all are about `key`."""
        url = self._url()
        trust = self._trust() if url.tls else None
        if self._nodes is None or self._of[0] is not url or self._of[1] is not trust:
            self.retire()
            self._of, self._nodes = (url, trust), nodes_of(url, trust)
        return self._nodes.call(key, commands)

    def give_up(self, answer: asyncio.Future[Any]) -> None:
        """Nobody waits for that answer any longer."""
        if self._nodes is not None:
            self._nodes.give_up(answer)

    def doubt(self) -> None:
        """Look again at who is who before the next call."""
        if self._nodes is not None:
            self._nodes.doubt()

    def retire(self) -> None:
        """Close what is open as soon as it owes nothing."""
        if self._nodes is not None:
            self._nodes.retire()


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
