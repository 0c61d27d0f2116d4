"""An export: every head, receipt and row a line, so that it proves itself without the database. Pure.

Heads and receipts come first, then rows chain by chain. In an export for one tenant the others' rows are
withheld: their hashes are there, for the chain, and nothing of what they say.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

import orjson

from veriaidpo_gateway.records.findings import Report
from veriaidpo_gateway.records.rows import Contents, Row
from veriaidpo_gateway.records.signing import PublicKeys, UnsignedError
from veriaidpo_gateway.records.verify import verify

S = TypeVar("S")


class NoExportError(ValueError):
    """A line that is not one of an export; the text says which."""


@dataclass(frozen=True, slots=True)
class Export:
    """What there is to verify: heads and receipts as they were signed, and rows chain by chain."""

    heads: list[str]
    receipts: list[str]
    rows: Iterable[Row]

    def verified(self, keys: PublicKeys) -> tuple[Report, int]:
        """Verify it; and count heads and receipts that no known key has signed: those say nothing."""
        heads = [head for head in map(_trusting(keys.head), self.heads) if head is not None]
        receipts = [one for one in map(_trusting(keys.receipt), self.receipts) if one is not None]
        forged = len(self.heads) + len(self.receipts) - len(heads) - len(receipts)
        return verify(self.rows, heads, receipts), forged

    def written(self, tenant: str | None = None, own: frozenset[str] = frozenset()) -> Iterator[bytes]:
        """Write it line by line, whole or for one tenant, whose receipts are `own`."""
        for head in self.heads:
            yield orjson.dumps({"head": head}) + b"\n"
        for receipt in self.receipts:
            yield orjson.dumps({"receipt": receipt}) + b"\n"
        for row in self.rows:
            yield orjson.dumps(_as_json(_withheld(row, tenant, own))) + b"\n"


def read(lines: Iterable[bytes]) -> Export:
    """Read an export; NoExportError for a line that is none, also later while rows are gone through."""
    heads: list[str] = []
    receipts: list[str] = []
    rest = enumerate(lines, 1)
    for number, line in rest:
        said = _parsed(number, line)
        if "head" in said:
            heads.append(str(said["head"]))
        elif "receipt" in said and "position" not in said:
            receipts.append(str(said["receipt"]))
        else:
            return Export(heads, receipts, map(_row, chain([(number, line)], rest)))
    return Export(heads, receipts, ())


def _withheld(row: Row, tenant: str | None, own: frozenset[str]) -> Row:
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


def _row(numbered: tuple[int, bytes]) -> Row:
    number, line = numbered
    said = _parsed(number, line)
    try:
        contents = said.get("contents")
        return Row(
            str(said["chain"]),
            int(said["position"]),
            bytes.fromhex(said["row_hash"]),
            bytes.fromhex(said["link"]),
            None if contents is None else Contents(**contents),
            said.get("receipt"),
            said.get("withheld") is True,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NoExportError(f"line {number}") from error


def _parsed(number: int, line: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(line)
    except ValueError as error:
        raise NoExportError(f"line {number}") from error
    if not isinstance(said, dict):
        raise NoExportError(f"line {number}")
    return said


def _trusting(read_one: Any) -> Any:
    """Read something signed, or None: what nobody signed says nothing."""

    def attempt(signed: str) -> Any:
        try:
            return read_one(signed)
        except UnsignedError:
            return None

    return attempt
