"""Which of the waiting rows are computed next; the clock is a number."""

import heapq
import itertools
import random
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from veriaidpo_predictor.computing.waiting import Limits, Row, Waiting

FAST = 1e-9
"""Seconds a token: so few that no batch takes long."""
NEVER = 1e9


def queue(*rows: tuple[int, float], limits: Limits | None = None) -> Waiting[Row]:
    """Rows of (tokens, second at which they came)."""
    waiting: Waiting[Row] = Waiting(limits or Limits())
    waiting.add([Row([0] * tokens, came, NEVER) for tokens, came in rows])
    return waiting


def taken(waiting: Waiting[Row], *, now: float = 100.0, pace: float = FAST) -> list[list[int]]:
    """Lengths of each batch until nothing waits."""
    batches = []
    while batch := waiting.take(now, pace):
        batches.append([len(row.ids) for row in batch])
    return batches


def steps_of(act: Callable[[], object]) -> int:
    """Count the interpreter's instructions: a clock would say something else on a busy machine."""
    steps = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return steps


def test_a_batch_is_what_waited_longest_and_its_neighbours_in_length() -> None:
    waiting = queue((20, 1), (60, 2), (21, 3), (19, 4), (40, 5), (20, 6))
    assert taken(waiting) == [[20, 20, 21, 19], [60], [40]]
    assert waiting.tokens == 0


def test_of_equal_length_the_one_that_came_first_is_first() -> None:
    waiting = queue((20, 3), (20, 4), limits=Limits(batch_rows=1))
    assert [waiting.take(100, FAST)[0].came for _ in range(2)] == [3, 4]


def test_a_batch_stays_within_its_tokens_and_rows() -> None:
    limits = Limits(batch_tokens=100, batch_rows=8)
    assert taken(queue(*[(30, 0)] * 4, *[(3, 1)] * 9, limits=limits)) == [[30] * 3, [30], [3] * 8, [3]]


def test_a_row_longer_than_a_batch_may_be_is_computed_alone() -> None:
    assert taken(queue((50, 0), (50, 0), limits=Limits(batch_tokens=10))) == [[50], [50]]


def test_on_a_slow_processor_a_batch_is_no_longer_than_a_moment() -> None:
    rows = [(30, 0.0)] * 12
    assert taken(queue(*rows, limits=Limits(batch_seconds=0.1)), pace=0.001) == [[30] * 3] * 4
    assert taken(queue(*rows, limits=Limits(batch_seconds=0.1)), pace=0.01) == [[30]] * 12


@given(st.lists(st.integers(1, 256), min_size=1, max_size=80))
def test_of_no_batch_more_than_a_twelfth_is_padding(lengths: list[int]) -> None:
    batches = taken(queue(*((length, float(at)) for at, length in enumerate(lengths))))
    assert Counter(itertools.chain(*batches)) == Counter(lengths)
    for batch in batches:
        assert len(batch) * max(batch) - sum(batch) <= 0.08 * len(batch) * max(batch)


def test_what_is_past_its_deadline_is_never_taken() -> None:
    waiting = queue((7, 0))
    waiting.add([Row([0] * 9, 0, 5.0)])
    assert taken(waiting, now=5.0) == [[7]]
    assert waiting.tokens == 0


def test_what_nobody_waits_for_any_more_makes_room() -> None:
    waiting = queue((60, 0), limits=Limits(waiting_tokens=100))
    gone = [Row([0] * 40, 1, NEVER)]
    assert waiting.has_room(gone)
    waiting.add(gone)
    assert not waiting.has_room([Row([0], 2, NEVER)])
    waiting.drop(gone)
    waiting.drop(gone)
    assert waiting.has_room(gone)
    assert taken(waiting) == [[60]]


def test_dropping_costs_what_is_dropped_however_many_of_that_length_wait() -> None:
    """Thousands of short texts may wait, and they are dropped on the event loop, under the pool's lock."""

    def cancelled(waiting_rows: int, dropped: int) -> int:
        waiting = queue(*[(3, 0)] * waiting_rows)
        gone = [Row([0] * 3, 1, NEVER) for _ in range(dropped)]
        waiting.add(gone)
        steps = steps_of(lambda: waiting.drop(gone))
        assert waiting.tokens == 3 * waiting_rows
        return steps

    def expired(rows: int) -> int:
        waiting: Waiting[Row] = Waiting(Limits())
        waiting.add([Row([0] * 3, 0, 5.0) for _ in range(rows)])
        steps = steps_of(lambda: waiting.take(5.0, FAST))
        assert waiting.tokens == 0
        return steps

    assert cancelled(800, 50) <= 1.5 * cancelled(100, 50)
    assert cancelled(100, 400) <= 1.5 * 8 * cancelled(100, 50)
    assert expired(400) <= 1.5 * 8 * expired(50)


def test_what_is_dropped_out_of_the_middle_leaves_the_order_as_it_was() -> None:
    waiting = queue((20, 1), limits=Limits(batch_rows=1))
    gone = [Row([0] * 20, 2, NEVER) for _ in range(2)]
    waiting.add([*gone, Row([0] * 20, 3, NEVER)])
    waiting.drop([*gone, Row([0] * 20, 3, NEVER)])  # the last was never there, though it is equal
    assert [waiting.take(100, FAST)[0].came for _ in range(2)] == [1, 3]
    assert (waiting.tokens, bool(waiting)) == (0, False)


def test_more_than_all_the_room_may_wait_when_nothing_else_does() -> None:
    assert queue(limits=Limits(waiting_tokens=10)).has_room([Row([0] * 50, 0, NEVER)])


def test_a_long_text_lets_short_ones_pass_but_not_for_ever() -> None:
    waiting = queue((256, 0.0), (20, 5.0), limits=Limits(batch_rows=1))
    assert [len(row.ids) for row in waiting.take(6.9, FAST)] == [20]
    waiting.add([Row([0] * 20, 8.0, NEVER)])
    assert [len(row.ids) for row in waiting.take(10.0, FAST)] == [256]


def test_one_long_text_in_ten_does_not_double_the_wait_of_the_short_ones() -> None:
    """With 8, 32 and 128 callers on two threads of a processor that takes 11 ms for a sentence."""
    for callers in (8, 32, 128):
        without, among = (_p99_of_short(callers, share, pace=0.00035) for share in (0.0, 0.1))
        assert among < 2 * without, callers


def _p99_of_short(callers: int, long_share: float, *, pace: float) -> float:
    """Two threads, and callers who ask again when they are answered, for 40 s of the fake clock."""
    chance, number = random.Random(0), itertools.count()
    waiting: Waiting[Row] = Waiting(Limits())
    events: list[tuple[float, int, list[Row] | None]] = [(0.0, next(number), None) for _ in range(callers)]
    free, seconds = 2, []
    while events and events[0][0] < 40:
        now, _, finished = heapq.heappop(events)
        if finished is None:
            short = max(10, min(60, round(chance.lognormvariate(3.3, 0.4))))
            waiting.add([Row([0] * (256 if chance.random() < long_share else short), now, NEVER)])
        else:
            free += 1
            seconds += [now - row.came for row in finished if len(row.ids) < 256]
            for _row in finished:
                heapq.heappush(events, (now + 0.001, next(number), None))
        while free and (batch := waiting.take(now, pace)):
            free -= 1
            takes = 0.002 + pace * len(batch) * max(len(row.ids) for row in batch)
            heapq.heappush(events, (now + takes, next(number), batch))
    return sorted(seconds)[int(len(seconds) * 0.99)]
