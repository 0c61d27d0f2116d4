"""Results that were given before: what is kept, under which name, and what is not believed."""

import json
from typing import Any

import pytest

from veriaidpo_gateway.classification.cache import Cache, LocalEntries
from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.settings import CacheSettings

KEY = b"k" * 32
QUESTION = {
    "tenant": "t1",
    "model": "principles-vi",
    "revision": "r1",
    "normaliser": "1",
    "text": "[COMPANY] thu thập",
}
ANSWER = Inference(1, (0.25, 0.75), truncated=False, revision="r1")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> Any:
        return self.now


@pytest.fixture
def clock() -> Any:
    return Clock()


@pytest.fixture
def entries(clock: Any) -> Any:
    return LocalEntries(most=3, clock=clock)


@pytest.fixture
def cache(entries: Any) -> Any:
    return Cache(CacheSettings(key=KEY, ttl=3600), entries)


async def test_what_was_put_is_found(cache: Any) -> None:
    await cache.put(cache.key(**QUESTION), ANSWER)
    assert await cache.get(cache.key(**QUESTION), labels=2) == ANSWER


@pytest.mark.parametrize("part", QUESTION)
async def test_every_part_of_a_question_counts(cache: Any, part: Any) -> None:
    await cache.put(cache.key(**QUESTION), ANSWER)
    assert await cache.get(cache.key(**{**QUESTION, part: "another"}), labels=2) is None


def test_no_two_questions_can_be_written_alike(cache: Any) -> None:
    one = cache.key(tenant="ab", model="c", revision="d", normaliser="1", text="e")
    other = cache.key(tenant="a", model="bc", revision="d", normaliser="1", text="e")
    third = cache.key(tenant="a", model="b", revision="cd", normaliser="1", text="e")
    assert len({one, other, third}) == 3


def test_replicas_with_the_same_secret_name_a_question_alike(cache: Any) -> None:
    assert Cache(CacheSettings(key=KEY), LocalEntries()).key(**QUESTION) == cache.key(**QUESTION)
    assert Cache(CacheSettings(key=b"x" * 32), LocalEntries()).key(**QUESTION) != cache.key(**QUESTION)


async def test_an_entry_holds_label_data_and_nothing_of_the_text(cache: Any, entries: Any) -> None:
    key = cache.key(**QUESTION)
    await cache.put(key, ANSWER)
    entry = await entries.get(key)
    assert json.loads(entry[64:]) == {
        "category_id": 1,
        "probabilities": [0.25, 0.75],
        "truncated": False,
        "revision": "r1",
    }
    assert b"thu" not in entry
    assert "COMPANY" not in key


async def test_an_entry_ends_after_its_time(cache: Any, clock: Any) -> None:
    await cache.put(cache.key(**QUESTION), ANSWER)
    clock.now = 3599.9
    assert await cache.get(cache.key(**QUESTION), labels=2) == ANSWER
    clock.now = 3600.0
    assert await cache.get(cache.key(**QUESTION), labels=2) is None


async def test_the_embedded_cache_is_bounded_and_forgets_the_least_used(entries: Any) -> None:
    for key in "abc":
        await entries.put(key, b"x", 60)
    await entries.get("a")
    await entries.put("d", b"x", 60)
    assert [await entries.get(key) for key in "abcd"] == [b"x", None, b"x", b"x"]


def cut(entry: Any) -> Any:
    return entry[:-1]


def flipped(entry: Any) -> Any:
    return entry[:-2] + bytes([entry[-2] ^ 1]) + entry[-1:]


POISON: dict[str, Any] = {
    "nothing": lambda entry: b"",
    "cut": cut,
    "only the mac": lambda entry: entry[:64],
    "a bit flipped": flipped,
    "another mac": lambda entry: b"0" * 64 + entry[64:],
    "not ours": lambda entry: b'{"category_id": 0}',
    "not JSON": lambda entry: b"\xff" * 200,
    "text in front": lambda entry: b" " + entry,
}


@pytest.mark.parametrize("poison", POISON)
async def test_a_poisoned_entry_is_a_miss_and_counted(entries: Any, poison: Any) -> None:
    refused: list[None] = []
    cache = Cache(CacheSettings(key=KEY), entries, refused=lambda: refused.append(None))
    key = cache.key(**QUESTION)
    assert await cache.get(key, labels=2) is None
    await cache.put(key, ANSWER)
    assert await cache.get(key, labels=2) == ANSWER
    assert refused == []
    await entries.put(key, POISON[poison](await entries.get(key)), 60)
    assert await cache.get(key, labels=2) is None
    assert len(refused) == 1


async def test_an_entry_moved_to_another_key_is_a_miss(cache: Any, entries: Any) -> None:
    mine, other = cache.key(**QUESTION), cache.key(**{**QUESTION, "tenant": "t2"})
    await cache.put(mine, ANSWER)
    await entries.put(other, await entries.get(mine), 60)
    assert await cache.get(other, labels=2) is None


@pytest.mark.parametrize(
    "answer",
    [
        Inference(1, (0.25, 0.5, 0.25), False, "r1"),
        Inference(2, (0.25, 0.75), False, "r1"),
        Inference(-1, (0.25, 0.75), False, "r1"),
        Inference(1, (0.25, float("nan")), False, "r1"),
    ],
)
async def test_an_entry_for_another_shape_of_model_is_a_miss(cache: Any, answer: Any) -> None:
    await cache.put(cache.key(**QUESTION), answer)
    assert await cache.get(cache.key(**QUESTION), labels=2) is None
