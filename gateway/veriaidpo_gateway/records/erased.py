"""Erased rows, held against the receipts that say why they had to go. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from veriaidpo_gateway.records.findings import Finding, Kind
from veriaidpo_gateway.records.rows import Hashed
from veriaidpo_gateway.records.signing import Chains


class Erasures:
    """Erased rows, counted and hashed for the receipt that each of them names."""

    def __init__(self, receipts: Mapping[str, Chains]) -> None:
        self._receipts = receipts
        self._seen: dict[tuple[str, str], tuple[int, Any]] = {}
        self._places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)

    def saw(self, row: Hashed) -> None:
        """Note a row whose contents are gone."""
        key = (str(row.receipt), row.chain)
        rows, hashes = self._seen.get(key) or (0, sha256())
        hashes.update(row.row_hash)
        self._seen[key] = (rows + 1, hashes)
        if len(self._places[key]) < 2:
            self._places[key].append(row.position)
        else:
            self._places[key][1] = row.position

    def wrong(self) -> Iterator[Finding]:
        """Say of which rows no receipt tells, or another number of them, or others."""
        for (receipt, chain), (rows, hashes) in self._seen.items():
            said = self._receipts.get(receipt)
            if said is None or said.get(chain) != (rows, hashes.hexdigest()):
                places = self._places[receipt, chain]
                yield Finding(Kind.ERASED_WITHOUT_RECEIPT, chain, places[0], places[-1])


def digest_of(row_hashes: Sequence[bytes]) -> str:
    """Hash the hashes of erased rows of a chain, in their order, as a receipt tells it."""
    return sha256(b"".join(row_hashes)).hexdigest()
