"""The rows that wait for one model, and which of them are computed next. Pure: the time is an argument.

First comes what has waited longest for its length, so that long texts do not hold up short ones and their own
turn comes, too. With it go the ones nearest to it in length, as many as are computed in a moment with hardly
any padding.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of a queue and of its batches; beyond 512 tokens a batch throughput no longer grows."""

    waiting_tokens: int = 16_384
    batch_tokens: int = 512
    batch_rows: int = 32
    batch_seconds: float = 0.1
    """A batch holds up whoever comes after it, so on a slow processor it has fewer tokens."""
    padding: float = 0.08
    """Share of a batch that may be padding, which costs as much as text does."""
    ordinary_tokens: int = 64
    """Texts up to here go in the order in which they came; one n times as long waits n times as long."""


@dataclass(slots=True)
class Row:
    """Token ids that wait; `came` and `deadline` are seconds on one clock."""

    ids: list[int]
    came: float
    deadline: float


AnyRow = TypeVar("AnyRow", bound=Row)


class Waiting(Generic[AnyRow]):
    """Rows by their length, those of one length in the order in which they came."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.tokens = 0
        # By identity, so that any row is taken out at once; a plain dict is slow to say which comes first
        # after many of those before it are gone.
        self._by_length: dict[int, OrderedDict[int, AnyRow]] = {}

    def __bool__(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._by_length)

    def __iter__(self) -> Iterator[AnyRow]:
        """Give all rows, in no order that means something."""
        for same in self._by_length.values():
            yield from same.values()

    def has_room(self, rows: Iterable[AnyRow]) -> bool:
        """Tell whether rows may wait, too; what is larger than all the room may when nothing else waits."""
        more = sum(len(row.ids) for row in rows)
        return not self.tokens or self.tokens + more <= self.limits.waiting_tokens

    def add(self, rows: Iterable[AnyRow]) -> None:
        """Let rows wait."""
        for row in rows:
            self._by_length.setdefault(len(row.ids), OrderedDict())[id(row)] = row
            self.tokens += len(row.ids)

    def drop(self, rows: Iterable[AnyRow]) -> None:
        """Take out rows that nobody waits for, as far as they are still there."""
        for row in rows:
            same = self._by_length.get(len(row.ids))
            if same is not None and same.pop(id(row), None) is not None:
                self._left(len(row.ids))

    def take(self, now: float, seconds_per_token: float) -> list[AnyRow]:
        """Take out the next batch; empty when nothing waits. What is past its deadline is dropped."""
        self.drop([row for row in self if row.deadline <= now])
        if not self._by_length:
            return []
        first = max(self._by_length, key=lambda length: self._urgency(length, now))
        batch, longest, real = [self._next(first)], first, first
        allowed = min(self.limits.batch_tokens, int(self.limits.batch_seconds / seconds_per_token))
        for length in sorted(self._by_length, key=lambda length: abs(length - first)):
            while length in self._by_length and len(batch) < self.limits.batch_rows:
                grid = max(longest, length) * (len(batch) + 1)
                if grid > allowed or grid - real - length > self.limits.padding * grid:
                    break
                batch.append(self._next(length))
                longest, real = max(longest, length), real + length
        return batch

    def clear(self) -> None:
        """Forget all."""
        self._by_length.clear()
        self.tokens = 0

    def _urgency(self, length: int, now: float) -> float:
        """Give how long the oldest row of a length has waited for what it costs."""
        oldest = next(iter(self._by_length[length].values()))
        return (now - oldest.came) / max(length, self.limits.ordinary_tokens)

    def _next(self, length: int) -> AnyRow:
        _, row = self._by_length[length].popitem(last=False)
        self._left(length)
        return row

    def _left(self, length: int) -> None:
        """Count that a row of this length waits no longer."""
        self.tokens -= length
        if not self._by_length[length]:
            del self._by_length[length]
