"""Rows that follow one another, in few bytes: handing each of them on costs as much as its proof. Pure."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from veriaidpo_gateway.records.rows import Hashed

_LENGTH = 32


class Run(NamedTuple):
    """Rows that are as they should be, each behind the one before it, the first behind what came last.

    `links` are theirs, 32 bytes each.
    """

    chain: str
    links: bytes

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.links) // _LENGTH

    def link(self, number: int) -> bytes:
        """Return the link of one of them; the first has number 1."""
        return self.links[(number - 1) * _LENGTH : number * _LENGTH]


Part = Hashed | Run


def runs(rows: Iterable[Hashed]) -> Iterator[Part]:
    """Put rows together as far as they follow one another; the others, and the first, stay as they are."""
    in_chain, last, end = "", 0, b""
    links: list[bytes] = []
    for row in rows:
        chain, position, row_hash, link, said, _, _ = row
        follows = position == last + 1 and chain == in_chain and said == row_hash
        if follows and sha256(end + row_hash).digest() == link:
            links.append(link)
        else:
            yield from _run(in_chain, links)
            links = []
            yield row
        in_chain, last, end = chain, position, link
    yield from _run(in_chain, links)


def _run(chain: str, links: list[bytes]) -> Iterator[Run]:
    if links:
        yield Run(chain, b"".join(links))
