"""A decision record: what it says, its hash, and its place in the chain of the replica that wrote it. Pure.

A chain is over hashes of rows and not over what the rows say. So what a row says can go, when a person's data
has to, and the chain still proves that nothing else was removed, changed, added or put elsewhere.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

import orjson

FORMAT = "veriaidpo-record/1"
MILLION = 1_000_000


class Contents(NamedTuple):
    """What a record says, in the order in which it is hashed.

    Probabilities are whole millionths and truth values 0 or 1, so that every program writes the same line. Of
    a text sent to every classifier, `answers` is a JSON list of what each said, and model, type, revision,
    label, category, confidence, threshold and `cached` are None.
    """

    salt: str
    """32 random hex digits: without them nobody finds out by guessing what an erased row said."""

    time: int
    """Milliseconds since 1970, UTC."""

    request_id: str
    item: int | None
    """Which of a batch, from 1; a stream's line. None for a single question."""

    tenant: str
    subject: str
    model: str | None
    model_type: str | None
    language: str
    revision: str | None
    label: str | None
    category_id: int | None
    confidence: int | None
    threshold: int | None
    needs_review: int
    cached: int | None
    normaliser: str
    text_hash: str
    answers: str | None = None


class Row(NamedTuple):
    """A record in its chain. What it says is None where it was erased, and `receipt` tells by whose order.

    `row_hash` and `link` are 32 bytes. `withheld`: somebody else's row, in an export for one tenant.
    """

    chain: str
    position: int
    row_hash: bytes
    link: bytes
    contents: Contents | None
    receipt: str | None = None
    withheld: bool = False


class Hashed(NamedTuple):
    """A row without what it says: of that there is the hash, `said`, which is None where it says nothing.

    In a row that nobody changed `said` is `row_hash`.
    """

    chain: str
    position: int
    row_hash: bytes
    link: bytes
    said: bytes | None
    receipt: str | None = None
    withheld: bool = False


class End(NamedTuple):
    """Where a chain ends: how many rows it has, and what they come to."""

    position: int
    link: bytes


def hash_of(contents: Iterable[object]) -> bytes:
    """Hash what a row says: sha256 of one JSON array, in UTF-8 without spaces, the format's name first."""
    return sha256(orjson.dumps((FORMAT, *contents))).digest()


def hashed(row: Row) -> Hashed:
    """Hash what a row says, for somebody who looks only at that."""
    chain, position, row_hash, link, contents, receipt, withheld = row
    said = None if contents is None else hash_of(contents)
    return Hashed(chain, position, row_hash, link, said, receipt, withheld)


def beginning(chain: str) -> End:
    """Begin a chain, with a link that no other has."""
    return End(0, sha256(f"veriaidpo-chain/1 {chain}".encode()).digest())


def link_of(before: bytes, row_hash: bytes) -> bytes:
    """Chain a row to the one before it."""
    return sha256(before + row_hash).digest()


def chained(chain: str, end: End, records: Iterable[Contents]) -> Iterator[Row]:
    """Put records behind the end of a chain, in their order."""
    position, link = end
    for contents in records:
        row_hash = hash_of(contents)
        position, link = position + 1, link_of(link, row_hash)
        yield Row(chain, position, row_hash, link, contents)
