"""I: one tenant's answers, limits and tokens, reached for by another."""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

import pytest
from redis import Redis

from ..conftest import Attack
from .conftest import LIMIT, Target, bearer, token

CALLERS = 32


@pytest.fixture
def redis(target: Target) -> Iterator[Redis]:
    client = Redis.from_url(target.redis.url)
    yield client
    client.close()


def cached(target: Target, text: str, **claims: object) -> bool:
    answer = target.classify(text, **bearer(**claims))
    assert answer.status_code == 200, answer.text
    found: bool = answer.json()["cached"]
    return found


def test_i1a_questions_that_are_written_as_one_key(attack: Attack, target: Target) -> None:
    twins = [
        (("t-a", "b c"), ("t-a.b", "c")),
        (("t-a", "|b"), ("t-a-", "b")),
        (("t_1", "1 x"), ("t_11", "x")),
        (("a.b", "c:d"), ("a", "b:c:d")),
        (("x", "y"), ("X", "y")),
        (("t.1", "text"), ("t-1", "text")),
        (("q", "principles-vi text"), ("q.principles-vi", "text")),
    ]
    with attack("I1a", "two tenants whose names and texts, put together, are the same") as row:
        joined = 0
        for one, other in twins:
            (first, text), (second, twin) = one, other
            cached(target, text, tenant_id=first)
            row.tried += 1
            row.got_through += cached(target, twin, tenant_id=second)
            strip = str.maketrans("", "", " .:|-_")
            joined += (first + text).translate(strip).lower() == (second + twin).translate(strip).lower()
        row.control = f"keys made by joining words are one for {joined}"


def test_i2a_entries_that_somebody_else_wrote(attack: Attack, target: Target, redis: Redis) -> None:
    text, other = "I2a: một câu hỏi", "I2a: câu hỏi khác"

    def two_entries() -> tuple[str, bytes, bytes]:
        redis.flushdb()
        assert not cached(target, text)
        ((key, entry),) = entries_of(redis).items()
        assert not cached(target, other)
        (moved,) = (value for name, value in entries_of(redis).items() if name != key)
        assert cached(target, text)
        return key, entry, moved

    with attack(
        "I2a", "entries of the cache that were changed, cut, moved or written by somebody else"
    ) as row:
        key, entry, moved = target.with_redis(two_entries)
        mac, data = entry[:64], entry[64:]
        turned = data.replace(b'"category_id":1', b'"category_id":0')
        assert turned != data
        entries: list[bytes | None] = [
            mac + turned,
            turned,
            b"0" * 64 + turned,
            moved,
            entry[: len(entry) // 2],
            entry[:-1],
            entry + b" ",
            entry[:70] + bytes([entry[70] ^ 1]) + entry[71:],
            b"",
            mac + b"null",
            bytes(range(256)),
            b"x" * 1_000_000,
            None,
        ]

        def believed(value: bytes | None) -> bool:
            redis.delete(key)
            if value is None:
                redis.rpush(key, "an entry", "of another kind")
            else:
                redis.set(key, value)
            answer = target.classify(text, **bearer())
            assert answer.status_code == 200, answer.text
            found: bool = answer.json()["cached"] or answer.json()["category_id"] != 1
            return found

        for value in entries:
            row.tried += 1
            row.got_through += target.with_redis(partial(believed, value))
        assert target.with_redis(lambda: believed(entry))
        row.control = "the entry as it was is answered from the cache"


def entries_of(redis: Redis) -> dict[str, bytes]:
    found = {}
    for key in redis.keys("veriaidpo:result:*"):
        value = redis.get(key)
        assert isinstance(value, bytes)
        found[key.decode() if isinstance(key, bytes) else key] = value
    return found


def test_i3_whether_another_tenant_asked_before(attack: Attack, target: Target) -> None:
    own: list[float] = []
    others: list[float] = []
    text = iter(f"I3: khách hàng số {number}" for number in range(10_000))

    def ask_after() -> bool:
        asked = next(text)
        cached(target, asked, tenant_id="victim")
        begun = time.perf_counter()
        leaked = cached(target, asked, tenant_id="curious")
        others.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        assert cached(target, asked, tenant_id="victim")
        own.append(time.perf_counter() - begun)
        return leaked

    with attack("I3", "asking what another tenant has asked, to see how fast the answer comes") as row:
        for _ in range(10):
            row.tried += 1
            row.got_through += target.with_redis(ask_after)
        medians = [statistics.median(times) * 1000 for times in (others, own)]
        row.figure = f"median {medians[0]:.1f} ms; {medians[1]:.1f} ms for who asked before"
        row.control = "the tenant that asked before is answered from the cache"


def test_i4b_more_calls_at_once_than_there_may_be(attack: Attack, target: Target) -> None:
    def call(tenant: str, number: int) -> int:
        headers = bearer(tenant_id=tenant, sub="greedy", jti=f"i4b-{number}")
        return target.client.get("/model-status", headers=headers).status_code

    def most(seconds: float) -> int:
        """How many any such time may hold: the limit in each second that has begun."""
        return LIMIT * (int(seconds) + 1)

    def all_at_once(tenant: str) -> tuple[list[int], float]:
        """Call until three seconds are over, and twice as many have been sent as may pass by then."""
        begun, numbers, statuses = time.monotonic(), count(), list[int]()

        def keep_calling(_: int) -> None:
            while (gone := time.monotonic() - begun) < 3 or (len(statuses) < 2 * most(gone) and gone < 60):
                statuses.append(call(tenant, next(numbers)))

        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(keep_calling, range(CALLERS)))
        took = time.monotonic() - begun
        assert len(statuses) > most(took), "fewer were sent than may pass"
        return statuses, took

    what = f"{CALLERS} callers at once for three seconds, each call with a token of its own for one user"
    with attack("I4b", what) as row:
        statuses, took = target.with_redis(lambda: all_at_once("small"))
        passed = statuses.count(200)
        row.tried = len(statuses)
        row.got_through = max(0, passed - most(took)) + len(set(statuses) - {200, 429})
        row.figure = f"{passed} within {took:.2f} s, at most {most(took)} may; limit {LIMIT} a second"
        unlimited, took = all_at_once("other")
        over = unlimited.count(200) - most(took)
        assert over > 0
        row.control = f"for a tenant without limits {over} more than that pass"


def test_i4c_names_that_share_a_limit(attack: Attack, target: Target, redis: Redis) -> None:
    callers = [
        ("a/b", "c"),
        ("a", "b.c"),
        ("a:b", "c"),
        ("a.b", "c"),
        ("A", "c"),
        ("a", "C"),
        ("a", "c"),
        ("c", "a"),
        ("characters", "a"),
        (":characters", "a"),
        ("*", "a"),
        ("a b", "c"),
        ("{c}", "c"),
        ("а", "c"),
        ("", "a"),
    ]

    def counted_under(sub: str, tenant: str) -> set[str]:
        redis.flushdb()
        headers = bearer(sub=sub or "-", tenant_id=tenant)
        assert target.client.get("/model-status", headers=headers).status_code == 200
        keys = {str(key) for key in redis.keys("veriaidpo:limit:*")}
        assert keys
        return keys

    with attack("I4c", "users and tenants whose names, put together, are the same") as row:
        seen: set[str] = set()
        for sub, tenant in callers:
            keys = target.with_redis(partial(counted_under, sub, tenant))
            row.tried += 1
            row.got_through += bool(keys & seen)
            seen |= keys
        joined = {"".join(filter(str.isalnum, sub + tenant)).lower() for sub, tenant in callers}
        row.control = f"keys made by joining words are one for {len(callers) - len(joined)}"


def test_i5a_models_that_are_addresses(attack: Attack, target: Target) -> None:
    names = (
        "../principles",
        "principles/../../admin",
        "principles-vi",
        "%2e%2e%2fprinciples",
        "http://127.0.0.1/x",
        "principles\x00",
        "principles ",
        "PRINCIPLES",
        "principles.other-namespace",
        "principles?x=1",
        "*",
        "",
        "__class__",
        "principles\r\nX-A: 1",
        "principles;consent",
        "рrinciples",
    )
    with attack("I5a", "model types and languages that are paths, addresses or patterns") as row:
        for name in names:
            for body in ({"text": "a", "model_type": name}, {"text": "a", "language": name}):
                answer = target.client.post("/classify", json=body, headers=bearer())
                row.tried += 1
                row.got_through += answer.status_code not in (400, 422)
        row.control = "the type as it is written is answered"
        assert target.client.post("/classify", json={"text": "a"}, headers=bearer()).status_code == 200


def test_i5b_another_tenants_tokens_taken_back(attack: Attack, target: Target) -> None:
    with attack("I5b", "an admin who takes back a token of another tenant by its jti") as row:
        theirs = token(tenant_id="victim", jti="shared-jti")
        said = target.client.post(
            "/revocations", json={"jti": "shared-jti"}, headers=bearer(tenant_id="attacker")
        )
        assert said.status_code in (200, 202)
        row.tried = 1
        row.got_through = not target.lets_in(theirs)
        own = token(tenant_id="attacker", jti="shared-jti")
        assert not target.lets_in(own)
        row.control = "the attacker's own token of that jti is refused from then on"
