"""Which records are looked for, and the ways to them: what an index finds, and what is looked through."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import orjson
import sqlalchemy as sa

from veriaidpo_gateway.records.tables import record

_CURSOR = re.compile(r"([0-9]{1,15})-([0-9a-f]{16})-([0-9]{1,15})", re.ASCII)
_columns = record.c
PLACE = (_columns.time, _columns.chain, _columns.position)

Condition = sa.ColumnElement[bool]


class Place(NamedTuple):
    """A record's place among its tenant's: what a page continues after."""

    time: int
    chain: str
    position: int

    def __str__(self) -> str:
        return f"{self.time}-{self.chain}-{self.position}"

    @classmethod
    def parse(cls, cursor: str) -> Self | None:
        """Read a place as it was given out; None when it is none."""
        match = _CURSOR.fullmatch(cursor)
        return cls(int(match[1]), match[2], int(match[3])) if match else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are looked for: those that fit everything that is not None. Times as in the rows.

    A record of several answers fits a model type and a revision when one of its answers does. Any of
    `text_hashes` fits, and with them nothing else is looked for but times and reviews.
    """

    since: int | None = None
    until: int | None = None
    model_type: str | None = None
    revision: str | None = None
    needs_review: bool | None = None
    request_id: str | None = None
    subject: str | None = None
    text_hashes: frozenset[str] = frozenset()


class Way(NamedTuple):
    """A way to some of the records that are looked for: no record is on two.

    `found` is what an index finds, in the order of `order`; of what it finds, `rest` has to fit as well, and
    may fit none: how many are looked through for a page has to be bounded.
    """

    found: tuple[Condition, ...]
    rest: Condition | None = None
    order: tuple[sa.ColumnElement[object], ...] = PLACE


def ways(wanted: Wanted, kind: Literal["embedded", "postgresql"]) -> Iterator[Way]:
    """Go through the ways to records of a kind of database."""
    kinds, revision = wanted.model_type, wanted.revision
    either = None if kinds is None and revision is None else _either(wanted, kind)
    if wanted.text_hashes:
        yield Way((), _columns.text_hash.in_(sorted(wanted.text_hashes)))
    elif wanted.request_id is not None:
        few: list[Condition] = [_columns.request_id == wanted.request_id]
        few += [] if wanted.subject is None else [_columns.subject == wanted.subject]
        few += [] if either is None else [either]
        yield Way(tuple(few))
    elif wanted.subject is not None:
        yield Way((_columns.subject == wanted.subject,), either)
    elif kinds is not None:
        yield Way(
            (_columns.model_type == kinds,), None if revision is None else _columns.revision == revision
        )
        # With the column in its order: PostgreSQL does not see that what is NULL is all equal.
        together = (_columns.model_type, *PLACE)
        yield Way((_columns.model_type.is_(None),), _one_of_several(wanted, kind), together)
    else:
        yield Way((), either)


def of_time(wanted: Wanted) -> Iterator[Condition]:
    """Say what every way's index can leave out."""
    if wanted.since is not None:
        yield _columns.time >= wanted.since
    if wanted.until is not None:
        yield _columns.time < wanted.until


def of_review(wanted: Wanted) -> Iterator[Condition]:
    """Say whether a person has to look."""
    if wanted.needs_review is not None:
        # Literally: the index for reviews is over exactly these.
        yield _columns.needs_review == sa.literal_column("1" if wanted.needs_review else "0")


def _either(wanted: Wanted, kind: Literal["embedded", "postgresql"]) -> Condition:
    pairs = ((_columns.model_type, wanted.model_type), (_columns.revision, wanted.revision))
    alone = sa.and_(*(column == value for column, value in pairs if value is not None))
    return sa.or_(alone, sa.and_(_columns.model_type.is_(None), _one_of_several(wanted, kind)))


def _one_of_several(wanted: Wanted, kind: Literal["embedded", "postgresql"]) -> Condition:
    """Look for the words as `answered` writes them: a model's type and its revision stand side by side."""
    pairs = (("model_type", wanted.model_type), ("revision", wanted.revision))
    words = orjson.dumps({name: value for name, value in pairs if value is not None}).decode().strip("{}")
    # Not LIKE: one of the databases does not tell capital letters from small ones.
    within = sa.func.strpos if kind == "postgresql" else sa.func.instr
    return within(_columns.answers, words) > 0
