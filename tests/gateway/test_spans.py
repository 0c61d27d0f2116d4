"""Where what the rules found and what a model found meet."""

import pytest

from veriaidpo_gateway.normalisation.spans import FoundBy, Kind, Marked, Span, merge


def marked(start: int, end: int, kind: str, found_by: str) -> Marked:
    return Marked(Span(start, end), Kind(kind), FoundBy(found_by))


REGISTERED, BY_RULE = marked(10, 20, "COMPANY", "registry"), marked(10, 20, "COMPANY", "rule")


@pytest.mark.parametrize(
    ("known", "tagged", "kept"),
    [
        # Beside each other: both.
        (REGISTERED, marked(0, 10, "PERSON", "model"), "both"),
        (REGISTERED, marked(20, 25, "COMPANY", "model"), "both"),
        # Over a company of the registry: never.
        (REGISTERED, marked(10, 20, "COMPANY", "model"), "known"),
        (REGISTERED, marked(5, 25, "COMPANY", "model"), "known"),
        (REGISTERED, marked(12, 15, "PERSON", "model"), "known"),
        # Over what a rule found: only the whole of the same thing.
        (BY_RULE, marked(5, 25, "COMPANY", "model"), "tagged"),
        (BY_RULE, marked(10, 20, "COMPANY", "model"), "tagged"),
        (BY_RULE, marked(5, 25, "PERSON", "model"), "known"),
        (BY_RULE, marked(5, 15, "COMPANY", "model"), "known"),
        (BY_RULE, marked(12, 15, "COMPANY", "model"), "known"),
    ],
)
def test_where_rules_and_model_meet(known: Marked, tagged: Marked, kept: str) -> None:
    expected = {"both": {known, tagged}, "known": {known}, "tagged": {tagged}}[kept]
    assert set(merge([known], [tagged])) == expected


def test_one_stretch_may_take_the_place_of_several() -> None:
    parts = [marked(0, 4, "ADDRESS", "rule"), marked(6, 9, "ADDRESS", "rule")]
    after = marked(12, 15, "ADDRESS", "rule")
    whole = marked(0, 11, "ADDRESS", "model")
    assert merge([*parts, after], [whole]) == (whole, after)
