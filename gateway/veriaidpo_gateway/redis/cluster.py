"""A Redis cluster by redis-py: which node has a key, where it went, and who follows a node that died.

What is added: nobody's giving up reaches the connections that others use too, and a node that is away is
not looked for by those who ask another one.
"""

import asyncio
import ssl
from collections.abc import Collection
from typing import Any

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.exceptions import ResponseError, SlotNotCoveredError

from veriaidpo_gateway.redis.client_options import ANSWER_SECONDS, options, trusting
from veriaidpo_gateway.redis.link import Command, LinkError, RefusedError, Replies
from veriaidpo_gateway.redis.primary import FIND_SECONDS
from veriaidpo_gateway.redis.url import RedisUrl

_MOST_CONNECTIONS = 1000
"""To a node. redis-py has one for every call that waits; the breaker ends that long before."""

_UNKNOWN = ""


class Cluster:
    """The nodes of a cluster. A call runs on to its own end; who gives up only stops waiting for it."""

    def __init__(self, url: RedisUrl, trust: ssl.SSLContext | None) -> None:
        self._url, self._trust = url, trust
        self._client = _client(url, trust)
        self._running: set[asyncio.Task[Any]] = set()
        self._learning: asyncio.Task[None] | None = None

    def place(self, key: str) -> str:
        """Name the node that has a key, as far as is known."""
        node = self._node(key)
        return _UNKNOWN if node is None else str(node.name)

    def places(self) -> Collection[str]:
        """Name all nodes that have keys."""
        return {str(node.name) for node in self._client.get_primaries()} or {_UNKNOWN}

    def call(self, key: str, command: Command) -> Replies:
        """Send a command to the node that has the key."""
        return asyncio.shield(self._run(self._call(key, command)))

    def _run(self, what: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(what)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited for it was told; nobody may have

    def _node(self, key: str) -> ClusterNode | None:
        try:
            return self._client.get_node_from_key(key)
        except SlotNotCoveredError:
            return None

    async def _call(self, key: str, command: Command) -> list[Any]:
        node = self._node(key) or await self._learnt(key)
        client = self._client
        # A command without a key goes to a node that is named; the others may have to follow their slot.
        told = {} if len(command) > 1 else {"target_nodes": node}
        try:
            return [await client.execute_command(*command, **told)]
        except ResponseError as error:
            return [RefusedError(f"{error.status_code} {error}" if error.status_code else str(error))]
        except Exception as error:
            # At once: the next call would begin with any node, perhaps with the one that failed.
            await self._learn(failed=getattr(error, "last_failed_node_name", None))
            raise LinkError(type(error).__name__) from error
        finally:
            if client is not self._client:
                await _close(client)

    async def _learnt(self, key: str) -> ClusterNode:
        if self._learning is None:
            self._learning = self._run(self._learn())
        await self._learning
        if (node := self._node(key)) is None:
            raise LinkError("a slot that no node has")
        return node

    async def _learn(self, failed: str | None = None) -> None:
        """Ask who has which slot; LinkError when nobody says so in time."""
        client = self._client
        try:
            async with asyncio.timeout(FIND_SECONDS):
                await client.initialize(last_failed_node_name=failed)  # nothing where that is known already
                if failed is None:
                    await client.nodes_manager.initialize()
        except Exception as error:  # whatever redis-py makes of what is no cluster
            if client is self._client:
                self._client = _client(self._url, self._trust)  # begins again with the nodes of the address
            await _close(client)
            raise LinkError(type(error).__name__) from error
        finally:
            self._learning = None

    def give_up(self, answer: asyncio.Future[Any]) -> None:
        """Leave the call to its end, which is near: its connection is nobody else's meanwhile."""

    def doubt(self) -> None:
        """Ask again who has which slot."""
        if self._learning is None:
            self._learning = self._run(self._learn())

    async def close(self) -> None:
        """Close every connection as soon as it owes nothing."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=ANSWER_SECONDS)
        for task in (left := set(self._running)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await _close(self._client)


class _KeyComesFirst:
    """Where commands have their keys: after the name. redis-py would ask, for 250 kB, after every failure."""

    async def initialize(self, node: ClusterNode | None = None) -> None:
        pass

    async def get_keys(self, *command: Any) -> tuple[Any, ...]:
        return command[1:2]


def _client(url: RedisUrl, trust: ssl.SSLContext | None) -> RedisCluster:
    client = RedisCluster(
        startup_nodes=[ClusterNode(node.host, node.port) for node in url.nodes],
        require_full_coverage=False,
        reinitialize_steps=0,  # else every fifth MOVED closes all connections
        max_connections=_MOST_CONNECTIONS,
        **options(url.login, tls=url.tls),
    )
    client.commands_parser = _KeyComesFirst()  # type: ignore[assignment]
    for command in ("HSCAN", "HGETALL"):  # what is one Redis' answer is a cluster's, too
        client.set_response_callback(command, _as_it_came)
    if trust is not None:
        client.connection_kwargs["connection_class"] = trusting(trust)
        for node in client.nodes_manager.startup_nodes.values():
            node.connection_class = trusting(trust)
    return client


def _as_it_came(response: Any, **_: Any) -> Any:
    return response


async def _close(client: RedisCluster) -> None:
    await client.aclose()
    for nodes in ("nodes_cache", "startup_nodes"):  # it does not where it has to look for them anew
        await client.nodes_manager.aclose(nodes)
