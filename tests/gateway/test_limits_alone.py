"""What a replica counts on its own: exact, in any second, per user and per tenant."""

from typing import Any

import pytest

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.limiting.limits import Limits
from veriaidpo_gateway.limiting.windows import LocalWindows
from veriaidpo_gateway.settings import LimitSettings

ANNA, BAO = Caller("anna", "staff", "t1"), Caller("bao", "staff", "t1")


class Clock:
    now = 100.0

    def __call__(self) -> Any:
        return self.now


@pytest.fixture
def clock() -> Any:
    return Clock()


@pytest.fixture
def limits(clock: Any) -> Any:
    return lambda **settings: Limits(LimitSettings(**settings), None, local=LocalWindows(clock))


async def admitted(limits: Any, caller: Any, times: Any) -> Any:
    count = 0
    for _ in range(times):
        try:
            await limits.take(caller)
            count += 1
        except GatewayError as error:
            if error.code is not ErrorCode.RATE_LIMITED:
                raise
    return count


async def test_so_many_pass_and_no_more(limits: Any) -> None:
    assert await admitted(limits(per_user=5, per_tenant=0), ANNA, 20) == 5


async def test_zero_is_no_limit(limits: Any) -> None:
    free = limits(per_user=0, per_tenant=0)
    assert await admitted(free, ANNA, 500) == 500
    assert await free.take(ANNA) is None


async def test_no_second_holds_more_not_even_across_its_edge(limits: Any, clock: Any) -> None:
    counting = limits(per_user=5, per_tenant=0)
    clock.now = 100.9
    assert await admitted(counting, ANNA, 9) == 5
    clock.now = 101.1
    assert await admitted(counting, ANNA, 9) == 0
    clock.now = 101.9
    assert await admitted(counting, ANNA, 9) == 5


async def test_refused_calls_do_not_lengthen_the_wait(limits: Any, clock: Any) -> None:
    counting = limits(per_user=1, per_tenant=0)
    await counting.take(ANNA)
    for tenth in range(1, 10):
        clock.now = 100 + tenth / 10
        assert await admitted(counting, ANNA, 3) == 0
    clock.now = 101.0
    assert await admitted(counting, ANNA, 1) == 1


async def test_one_user_takes_nothing_from_another(limits: Any) -> None:
    counting = limits(per_user=2, per_tenant=0)
    assert await admitted(counting, ANNA, 5) == 2
    assert await admitted(counting, BAO, 5) == 2


async def test_a_tenants_users_share_the_tenants_limit(limits: Any) -> None:
    counting = limits(per_user=4, per_tenant=5)
    assert await admitted(counting, ANNA, 9) == 4
    assert await admitted(counting, BAO, 9) == 1
    assert await admitted(counting, Caller("anna", "staff", "t2"), 9) == 4


async def test_a_call_refused_by_the_tenants_limit_is_not_counted_for_the_user(
    limits: Any, clock: Any
) -> None:
    counting = limits(per_user=3, per_tenant=3)
    assert await admitted(counting, ANNA, 3) == 3
    clock.now = 100.5
    assert await admitted(counting, BAO, 3) == 0
    clock.now = 101.0
    assert await admitted(counting, BAO, 3) == 3


@pytest.mark.parametrize(
    ("one", "other"), [(("a/b", "c"), ("a", "b/c")), (("a", "b.c"), ("a.b", "c")), (("A", "b"), ("a", "b"))]
)
async def test_no_two_callers_share_a_limit_by_their_names(limits: Any, one: Any, other: Any) -> None:
    counting = limits(per_user=1, per_tenant=0)
    for tenant, sub in (one, other):
        assert await admitted(counting, Caller(sub, "staff", tenant), 2) == 1


async def test_a_replica_on_its_own_lets_its_share_through(limits: Any) -> None:
    assert await admitted(limits(per_user=5, per_tenant=0, replicas=2), ANNA, 20) == 3
    assert await admitted(limits(per_user=1, per_tenant=0, replicas=8), ANNA, 20) == 1


async def test_a_429_says_when_to_come_again(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(per_user=2) as gateway:
        first = await gateway.classify("a", bearer())
        await gateway.classify("a", bearer())
        answer = await gateway.classify("a", bearer())
    assert first.headers["RateLimit-Limit"] == "2"
    assert first.headers["RateLimit-Remaining"] == "1"
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["RateLimit-Limit"] == "2"
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.headers["RateLimit-Reset"] == "1"
    assert answer.json()["detail"]["retry_after_seconds"] == 1
    assert len(answer.headers.get_list("RateLimit-Limit")) == 1


async def test_status_is_limited_and_health_is_not(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(per_user=1) as gateway:
        codes = [
            (await gateway.public.get("/model-status", headers=bearer("dpo"))).status_code for _ in range(2)
        ]
        health = [(await gateway.public.get("/health")).status_code for _ in range(3)]
    assert codes == [200, 429]
    assert health == [200, 200, 200]


async def texts_admitted(limits: Any, caller: Any, length: Any, times: Any) -> Any:
    count = 0
    for _ in range(times):
        try:
            await limits.take_text(caller, "ă" * length)
            count += 1
        except GatewayError as error:
            if error.code is not ErrorCode.TOO_MANY_CHARACTERS:
                raise
    return count


async def test_text_is_counted_in_characters(limits: Any, clock: Any) -> None:
    counting = limits(per_user=0, per_tenant=0, characters_per_user=4_000, characters_per_tenant=6_000)
    assert await texts_admitted(counting, ANNA, 1_500, 4) == 2
    assert await texts_admitted(counting, ANNA, 1_000, 4) == 1
    assert await texts_admitted(counting, BAO, 2_000, 4) == 1
    clock.now = 101.0
    assert await texts_admitted(counting, ANNA, 4_000, 2) == 1


async def test_a_refused_text_waits_until_there_is_room_for_it(limits: Any, clock: Any) -> None:
    counting = limits(per_user=0, per_tenant=0, characters_per_user=4_000)
    for at in (100.0, 100.2, 100.4, 100.6):
        clock.now = at
        await counting.take_text(ANNA, "a" * 1_000)
    waits = {
        length: (await counting._take(counting._of(ANNA, calls=0, characters=length))).wait
        for length in (500, 1_500, 4_000)
    }
    assert {length: round(wait / 1e6, 1) for length, wait in waits.items()} == {
        500: 0.4,
        1_500: 0.6,
        4_000: 1.0,
    }


async def test_the_longest_text_passes_a_replica_whose_share_is_less(limits: Any) -> None:
    counting = limits(per_user=0, per_tenant=0, characters_per_user=4_000, replicas=4)
    assert await texts_admitted(counting, ANNA, 4_000, 3) == 1


@pytest.mark.parametrize("setting", ["characters_per_user", "characters_per_tenant"])
def test_a_limit_under_the_longest_text_is_refused_at_the_start(limits: Any, setting: Any) -> None:
    with pytest.raises(InvalidSettingsError, match="4000"):
        limits(**{setting: 3_999})


async def test_too_much_text_is_a_429_of_its_own(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(per_user=100, characters_per_user=4_000) as gateway:
        first = await gateway.classify("a" * 3_000, bearer())
        answer = await gateway.classify("b" * 2_000, bearer())
        normalised = await gateway.public.post(
            "/normalize", json={"text": "a" * 2_000}, headers=bearer("dpo")
        )
    assert (first.status_code, answer.status_code, normalised.status_code) == (200, 429, 429)
    assert answer.json()["detail"]["code"] == "too_many_characters"
    for refused in (answer, normalised):
        assert rate_limit(refused) == (["4000"], ["0"], ["1"])
        assert refused.headers["Retry-After"] == "1"
    assert len(gateway.predictor.asked) == 1


def rate_limit(answer: Any) -> tuple[list[str], ...]:
    """Every value of the three headers: each may be there once."""
    return tuple(answer.headers.get_list(f"RateLimit-{name}") for name in ("Limit", "Remaining", "Reset"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"characters_per_user": 4_000}, (["4000"], ["3000"], ["1"])),
        ({"per_user": 100, "characters_per_user": 4_000}, (["4000"], ["3000"], ["1"])),
        ({"per_user": 2, "characters_per_user": 4_000}, (["2"], ["1"], ["1"])),
        ({"per_user": 2}, (["2"], ["1"], ["1"])),
        ({}, ([], [], [])),
    ],
)
async def test_an_answer_tells_of_the_limit_that_has_the_least_left(
    run_gateway: Any, bearer: Any, settings: Any, said: Any
) -> None:
    async with run_gateway(**settings) as gateway:
        classified = await gateway.classify("a" * 1_000, bearer())
        normalised = await gateway.public.post(
            "/normalize", json={"text": "a" * 1_000}, headers=bearer("dpo", sub="another")
        )
    assert (classified.status_code, normalised.status_code) == (200, 200)
    assert rate_limit(classified) == said
    assert rate_limit(normalised) == said


async def test_a_text_that_is_refused_has_counted_as_a_call(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(per_user=3, characters_per_user=4_000) as gateway:
        answers = [await gateway.classify("a" * 3_000, bearer()) for _ in range(4)]
    codes = [answer.json().get("detail", {}).get("code") for answer in answers]
    assert codes == [None, "too_many_characters", "too_many_characters", "rate_limited"]


async def test_the_items_of_a_batch_wait_for_their_text_to_fit(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(characters_per_user=4_000, deadline=0.3) as gateway:
        items = {"texts": ["a" * 2_500, "b" * 1_000, "c" * 4_001, "d" * 1_000]}
        answer = await gateway.public.post("/batch-classify", json=items, headers=bearer())
    codes = [one.get("detail", {}).get("code") for one in answer.json()["results"]]
    assert codes == [None, None, "text_too_long", "too_many_characters"]
