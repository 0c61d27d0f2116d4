"""An export: every head, receipt and row a line, so that it proves itself without the database. Pure.

Heads and receipts come first, then rows chain by chain. In an export for one tenant the others' rows are
withheld: their hashes are there, for the chain, and nothing of what they say.
"""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from veriaidpo_gateway.records.findings import Report
from veriaidpo_gateway.records.rows import Contents, Row, hashed
from veriaidpo_gateway.records.runs import Part
from veriaidpo_gateway.records.signing import PublicKeys, UnsignedError, receipt_id
from veriaidpo_gateway.records.verify import verify

S = TypeVar("S")


class NoExportError(ValueError):
    """A line that is not one of an export; the text says which."""


class Export(NamedTuple):
    """What there is to verify: heads and receipts as they were signed, and rows chain by chain.

    All three are gone through once, in this order: nobody holds them whole.
    """

    heads: Iterable[str]
    receipts: Iterable[str]
    rows: Iterable[Row]

    def verified(self, keys: PublicKeys) -> tuple[Report, int]:
        """Verify it; and count heads and receipts that no known key has signed: those say nothing."""
        return proven(keys, self.heads, self.receipts, map(hashed, self.rows))

    def written(self, tenant: str | None = None) -> Iterator[bytes]:
        """Write it line by line: whole, or for one tenant, whose receipts alone are in it."""
        own: set[str] = set()
        for head in self.heads:
            yield orjson.dumps({"head": head}) + b"\n"
        for receipt in self.receipts:
            own.add(receipt_id(receipt) if tenant is not None else "")
            yield orjson.dumps({"receipt": receipt}) + b"\n"
        for row in self.rows:
            yield orjson.dumps(_as_json(_withheld(row, tenant, own))) + b"\n"


def proven(
    keys: PublicKeys, heads: Iterable[str], receipts: Iterable[str], rows: Iterable[Part]
) -> tuple[Report, int]:
    """Verify rows; and count heads and receipts that no known key has signed: those say nothing."""
    trusted, ordered = Trusted(keys.head, heads), Trusted(keys.receipt, receipts)
    report = verify(rows, trusted, ordered)
    return report, trusted.forged + ordered.forged


class Trusted(Generic[S]):
    """Reads what was signed, one after another, and leaves out what no known key has signed."""

    def __init__(self, read_one: Callable[[str], S], signed: Iterable[str]) -> None:
        self._read_one, self._signed = read_one, signed
        self.forged = 0
        """How many were left out so far."""

    def __iter__(self) -> Iterator[S]:
        """Go through them."""
        for one in self._signed:
            try:
                yield self._read_one(one)
            except UnsignedError:
                self.forged += 1


def read(lines: Iterable[bytes]) -> Export:
    """Read an export; NoExportError for a line that is none, while its parts are gone through."""
    reading = _Lines(lines)
    return Export(reading.signed("head"), reading.signed("receipt"), reading.rows())


class _Lines:
    """Lines of an export, part by part."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._rest = enumerate(lines, 1)
        self._next: tuple[int, bytes] | None = next(self._rest, None)
        self._names: tuple[str, ...] = ()

    def signed(self, name: str) -> Iterator[str]:
        """Read what was signed, heads or receipts, as long as there are more."""
        while self._next is not None:
            said = _parsed(*self._next)
            if name not in said or "position" in said:
                return
            yield str(said[name])
            self._next = next(self._rest, None)

    def rows(self) -> Iterator[Row]:
        """Read the rows behind them."""
        if self._next is not None:
            yield from map(self._row, chain([self._next], self._rest))

    def _row(self, numbered: tuple[int, bytes]) -> Row:
        number, line = numbered
        said = _parsed(number, line)
        try:
            contents = said.get("contents")
            return Row(
                str(said["chain"]),
                int(said["position"]),
                bytes.fromhex(said["row_hash"]),
                bytes.fromhex(said["link"]),
                None if contents is None else self._contents(contents),
                said.get("receipt"),
                said.get("withheld") is True,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise NoExportError(f"line {number}") from error

    def _contents(self, said: dict[str, Any]) -> Contents:
        """Take values by their place where names are as ever: looking each of them up takes longer."""
        names = tuple(said)
        if names == self._names:
            return Contents._make(said.values())
        contents = Contents(**said)
        if names == Contents._fields:
            self._names = names
        return contents


def _withheld(row: Row, tenant: str | None, own: AbstractSet[str]) -> Row:
    of_whom = row.receipt in own if row.contents is None else row.contents.tenant == tenant
    if tenant is None or of_whom:
        return row
    return row._replace(contents=None, receipt=None, withheld=True)


def _as_json(row: Row) -> dict[str, Any]:
    said: dict[str, Any] = {
        "chain": row.chain,
        "position": row.position,
        "row_hash": row.row_hash.hex(),
        "link": row.link.hex(),
    }
    if row.withheld:
        return {**said, "withheld": True}
    if row.contents is None:
        return {**said, "receipt": row.receipt}
    return {**said, "contents": row.contents._asdict()}


def _parsed(number: int, line: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(line)
    except ValueError as error:
        raise NoExportError(f"line {number}") from error
    if not isinstance(said, dict):
        raise NoExportError(f"line {number}")
    return said
