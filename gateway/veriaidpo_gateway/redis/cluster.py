"""A Redis cluster: which node has a key, as far as is known, and where it went when that has changed."""

import asyncio
import ssl
from binascii import crc_hqx
from collections.abc import Sequence
from typing import Any

from veriaidpo_gateway.redis.link import Command, LinkError, RefusedError, Replies, open_link
from veriaidpo_gateway.redis.primary import Primary, first_good
from veriaidpo_gateway.redis.url import Node, RedisUrl

_SLOTS = 16_384
_MOVES = 3
"""How often a call follows a slot to where it has gone."""


class Cluster:
    """The nodes of a cluster, and which of them has which slot, as far as is known."""

    def __init__(self, url: RedisUrl, trust: ssl.SSLContext | None) -> None:
        self._url, self._trust = url, trust
        self._links: dict[Node, Primary] = {}
        self._slots: dict[int, Node] = {}
        self._learning: asyncio.Task[None] | None = None

    def call(self, key: str, commands: Sequence[Command]) -> Replies:
        """Send commands to the node that has the key."""
        return asyncio.ensure_future(self._call(slot(key), commands))

    async def _call(self, wanted: int, commands: Sequence[Command]) -> list[Any]:
        replies: list[Any] = []
        asking: tuple[Command, ...] = ()
        node = self._slots.get(wanted) or await self._learnt(wanted)
        for _ in range(_MOVES):
            replies = (await self._ask(node, [*asking, *commands]))[len(asking) :]
            gone = next(
                (r for r in replies if isinstance(r, RefusedError) and r.code in ("MOVED", "ASK")), None
            )
            if gone is None:
                break
            kind, _, where = str(gone).split(" ")
            host, _, port = where.rpartition(":")
            node = Node(host or node.host, int(port))
            asking = (("ASKING",),) if kind == "ASK" else ()
            if kind == "MOVED":
                self._slots[wanted] = node
        return replies

    async def _ask(self, node: Node, commands: Sequence[Command]) -> list[Any]:
        link = self._link(node)
        answer = link.call("", commands)
        try:
            return await answer
        except asyncio.CancelledError:
            link.give_up(answer)
            self.doubt()
            raise
        except LinkError:
            self.doubt()
            raise

    def _link(self, node: Node) -> Primary:
        found = self._links.get(node)
        if found is None:
            found = Primary(lambda: open_link(node, self._url.login, trust=self._trust))
            self._links[node] = found
        return found

    async def _learnt(self, wanted: int) -> Node:
        if self._learning is None:
            self._learning = asyncio.create_task(self._learn())
            self._learning.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._learning)
        try:
            return self._slots[wanted]
        except KeyError:
            raise LinkError("a slot that no node has") from None

    async def _learn(self) -> None:
        """Ask every node that is known; the first answer is as good as any."""
        try:
            known = dict.fromkeys([*self._url.nodes, *self._links])
            self._slots = await first_good(self._slots_by(node) for node in known)
            for node in set(self._links) - set(self._slots.values()) - set(self._url.nodes):
                self._links.pop(node).retire()
        finally:
            self._learning = None

    async def _slots_by(self, node: Node) -> dict[int, Node]:
        (listed,) = await self._link(node).call("", [("CLUSTER", "SLOTS")])
        if not isinstance(listed, list) or not listed:
            raise LinkError("no cluster")
        slots = {}
        for first, last, (host, port, *_), *_ in listed:
            # A node that does not know how it is called is the one that was asked.
            owner = Node(host.decode() if host else node.host, port)
            slots.update(dict.fromkeys(range(first, last + 1), owner))
        return slots

    def give_up(self, answer: asyncio.Future[Any]) -> None:
        """Drop the connection that owes the answer."""
        answer.cancel()

    def doubt(self) -> None:
        """Ask again which node has which slot."""
        self._slots = {}

    def retire(self) -> None:
        """Close every connection as soon as it owes nothing."""
        for link in self._links.values():
            link.retire()


def slot(key: str) -> int:
    """Find the slot of a key; keys with the same word in braces are in the same one."""
    _, brace, rest = key.partition("{")
    tag, end, _ = rest.partition("}")
    return crc_hqx((tag if brace and end and tag else key).encode(), 0) % _SLOTS
