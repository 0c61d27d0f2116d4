"""Rows that came from several processes, put together as runs, prove what they prove one by one."""

from collections.abc import Callable
from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veriaidpo_gateway.records.findings import Report
from veriaidpo_gateway.records.rows import Row, hash_of, hashed
from veriaidpo_gateway.records.runs import Run, runs
from veriaidpo_gateway.records.verify import verify

from .chains import Kept, erased, kept, renumbered

Change = Callable[[list[Row], int], list[Row]]


def relabelled(row: Row, *, hash_too: bool) -> Row:
    if row.contents is None:
        return row
    said = row.contents._replace(label="l3")
    return row._replace(contents=said, row_hash=hash_of(said) if hash_too else row.row_hash)


def exchanged(rows: list[Row], at: int) -> list[Row]:
    other = (at + 1) % len(rows)
    rows[at], rows[other] = rows[other], rows[at]
    return renumbered(rows)


CHANGES: dict[str, Change] = {
    "nothing": lambda rows, _: rows,
    "removed": lambda rows, at: rows[:at] + rows[at + 1 :],
    "removed and numbered anew": lambda rows, at: renumbered(rows[:at] + rows[at + 1 :]),
    "changed": lambda rows, at: [*rows[:at], relabelled(rows[at], hash_too=False), *rows[at + 1 :]],
    "changed with its hash": lambda rows, at: [
        *rows[:at],
        relabelled(rows[at], hash_too=True),
        *rows[at + 1 :],
    ],
    "added": lambda rows, at: renumbered([*rows[: at + 1], rows[at], *rows[at + 1 :]]),
    "moved": exchanged,
    "blanked": lambda rows, at: [*rows[:at], rows[at]._replace(contents=None), *rows[at + 1 :]],
    "cut": lambda rows, at: rows[:at],
}


def in_parts(before: Kept, cuts: list[int]) -> Report:
    """Verify rows of which each part between two cuts was put together by somebody else."""
    ends = [0, *sorted(min(cut, len(before.rows)) for cut in cuts), len(before.rows)]
    parts = (runs(map(hashed, before.rows[first:last])) for first, last in pairwise(ends))
    return verify(chain.from_iterable(parts), before.heads, before.receipts)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("at", range(12))
@pytest.mark.parametrize("near", [-1, 0, 1, 2])
def test_a_change_at_the_end_of_a_part_is_found_as_in_one(change: str, at: int, near: int) -> None:
    before = kept(12, every=4)
    before.rows = CHANGES[change](before.rows, at)
    assert in_parts(before, [max(0, at + near)]) == before.verified()


@settings(deadline=None)  # a busy machine
@given(
    st.integers(1, 150),
    st.integers(1, 40),
    st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 200)), max_size=4),
    st.lists(st.integers(0, 150), max_size=6),
    st.booleans(),
)
def test_several_changes_are_found_as_in_one(
    rows: int, every: int, changes: list[tuple[str, int]], cuts: list[int], gone: bool
) -> None:
    before = kept(rows, every=every, tenants=3)
    if gone:
        before = erased(before, "t1")
    other = kept(5, chain="b" * 16)
    for change, at in changes:
        if before.rows:
            before.rows = CHANGES[change](before.rows, at % len(before.rows))
    before.rows, before.heads = [*other.rows, *before.rows], [*before.heads, *other.heads]
    assert in_parts(before, cuts) == before.verified()


def test_rows_that_nobody_touched_are_one_row_and_one_run() -> None:
    first, rest = runs(map(hashed, kept(100).rows))
    assert first == hashed(kept(1).rows[0])
    assert isinstance(rest, Run)
    assert rest.rows == 99
    assert rest.link(99) == kept(100).rows[-1].link
