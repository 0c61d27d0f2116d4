"""What a verification can find. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

MOST_TOLD = 10_000


class Kind(StrEnum):
    """What was done to a row, or to a whole chain.

    `moved`: the row, or the one before it, is in another place than it was written in. `unlike_head`: every
    row fits the one before it, and what was signed here was something else, so the chain was written anew at
    or before this row. `unsigned`: nobody ever signed a head of the chain.
    """

    REMOVED = "removed"
    CHANGED = "changed"
    ADDED = "added"
    MOVED = "moved"
    CUT = "cut"
    ERASED_WITHOUT_RECEIPT = "erased_without_receipt"
    UNLIKE_HEAD = "unlike_head"
    UNSIGNED = "unsigned"


class Finding(NamedTuple):
    """What is wrong, in which chain, with which rows (`first` to `last`)."""

    kind: Kind
    chain: str
    first: int
    last: int


@dataclass(slots=True)
class Report:
    """What was looked at and what was found.

    `unsigned_rows` were written after the last signed head of their chain: they fit, and nobody could tell
    if there had been more. `open_chains` have no head that closes them: they go on, or their replica died.
    """

    rows: int = 0
    erased: int = 0
    withheld: int = 0
    chains: int = 0
    heads: int = 0
    unsigned_rows: int = 0
    open_chains: int = 0
    lost: int = 0
    findings: dict[Finding, None] = field(default_factory=dict)
    """In the order in which they were found, MOST_TOLD at most."""

    def tell(self, finding: Finding) -> None:
        """Note what was found."""
        if len(self.findings) < MOST_TOLD:
            self.findings[finding] = None
