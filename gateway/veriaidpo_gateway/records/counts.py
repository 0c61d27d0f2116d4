"""Counters of what became of records."""

from dataclasses import dataclass
from typing import Protocol


class Count(Protocol):
    """Something that counts, such as a counter of Prometheus."""

    def inc(self, amount: float = 1) -> None:
        """Count so many more."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of records: in the database, on the disk first, or nowhere."""

    stored: Count
    spooled: Count
    lost: Count
