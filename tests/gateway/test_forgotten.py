"""What a tenant is called in the names of cached results."""

import pytest

from veriaidpo_gateway.identity.forgotten import ForgottenUpTo


def test_a_tenant_of_which_nothing_was_erased_keeps_its_name() -> None:
    assert ForgottenUpTo(100).name("t1") == "t1"


@pytest.mark.parametrize("clock", [(50, 60), (50, 50), (60, 50)])
def test_after_each_erasure_it_has_another_name_and_no_other_tenant_has(clock: tuple[int, int]) -> None:
    """A clock may stand still, be set back, or be another replica's."""
    forgotten, names = ForgottenUpTo(100), {"t1"}
    for now in clock:
        forgotten.learn({"t1": forgotten.next("t1", now)}, now)
        assert forgotten.name("t2") == "t2"
        names.add(forgotten.name("t1"))
    assert len(names) == 3


def test_what_was_erased_before_does_not_take_a_later_erasure_back() -> None:
    forgotten = ForgottenUpTo(100)
    forgotten.learn({"t1": 60}, 60)
    name = forgotten.name("t1")
    forgotten.learn({"t1": 50}, 70)
    assert forgotten.name("t1") == name


def test_it_is_let_go_of_when_no_result_of_before_can_be_there() -> None:
    forgotten = ForgottenUpTo(100)
    forgotten.learn({"t1": 50}, 60)
    forgotten.learn({}, 150)
    assert forgotten.name("t1") != "t1"
    forgotten.learn({}, 151)
    assert (forgotten.name("t1"), forgotten.known) == ("t1", {})


def test_what_is_long_past_when_it_is_learnt_is_not_kept() -> None:
    forgotten = ForgottenUpTo(100)
    forgotten.learn({"t1": 50}, 151)
    assert forgotten.known == {}


def test_it_may_be_known_as_another_word() -> None:
    forgotten = ForgottenUpTo(100)
    forgotten.learn({"hash": 50}, 60)
    assert (forgotten.name("t1", "hash"), forgotten.name("t1")) == ("t1@50", "t1")
