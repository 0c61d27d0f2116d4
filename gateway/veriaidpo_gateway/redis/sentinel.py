"""Whom Sentinels name as the primary. redis-py asks them; commands go over a link of our own."""

import asyncio
import ssl
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from redis.asyncio.sentinel import Sentinel

from veriaidpo_gateway.redis.client_options import options, trusting
from veriaidpo_gateway.redis.link import Link, LinkError, open_link
from veriaidpo_gateway.redis.url import Node, RedisUrl

T = TypeVar("T")


async def find_primary(url: RedisUrl, trust: ssl.SSLContext | None) -> Link:
    """Connect to whom the first Sentinel that answers names, if that is what it is; else LinkError."""
    node = await _first_good(_named_by(sentinel, url, trust) for sentinel in url.nodes)
    link = await open_link(node, url.login, database=url.database, trust=trust)
    role: Any = None
    try:
        (role,) = await link.call([("ROLE",)])
    finally:
        good = isinstance(role, list) and role[:1] == [b"master"]
        if not good:
            link.abort()
    if not good:
        raise LinkError("not the primary any more")
    return link


async def _named_by(node: Node, url: RedisUrl, trust: ssl.SSLContext | None) -> Node:
    # One of redis-py's for each: a list of them is asked in turn, and one that talks nonsense ends it.
    told = options(url.sentinel_login, tls=url.tls)
    sentinel = Sentinel([(node.host, node.port)], sentinel_kwargs=told)  # type: ignore[no-untyped-call]
    if trust is not None:
        sentinel.sentinels[0].connection_pool.connection_class = trusting(trust)
    try:
        host, port = await sentinel.discover_master(url.service)
        return Node(str(host), int(port))
    except Exception as error:  # whatever redis-py makes of what is no Sentinel
        raise LinkError(type(error).__name__) from error
    finally:
        await sentinel.aclose()


async def _first_good(asked: Iterable[Awaitable[T]]) -> T:
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
