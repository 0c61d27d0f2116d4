"""What the gateway stands on goes, stalls, is slow or full, and it goes itself: callers are answered."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from ..e2e.cluster import CATALOGUE, classify, eventually, ingress, kubectl
from ..e2e.conftest import token
from ..e2e.parts import GATEWAY, POSTGRESQL, REDIS, kill, ready_pods, replaced
from ..e2e.traffic import Answer
from .processes import slowed, stalled
from .rows import Load

BASE = "/api/v1/veriaidpo"
TURNS = 8
"""Requests after which each replica has answered one."""

STALL = 15.0
"""Seconds a part stands still or is slow."""

REDIS_CLI = (
    "redis-cli --no-auth-warning --user admin "
    '-a "$(sed -n "s/^user admin reset on >\\([^ ]*\\) .*/\\1/p" /etc/redis/redis.conf)"'
)


def states(component: str) -> set[str]:
    """Tell how the replicas find one of their parts."""
    answers = [ingress(f"{BASE}/health", method="GET").json() for _ in range(TURNS)]
    return {str(answer["components"][component]["status"]) for answer in answers}


def noticed(component: str) -> None:
    eventually(lambda: "degraded" in states(component), f"{component} is found to be away", 30)


def well(component: str) -> None:
    eventually(lambda: states(component) == {"healthy"}, f"every replica finds {component} again", 90)


def something_new() -> bool:
    """Ask every replica a sentence that is in no cache; all are answered."""
    model = CATALOGUE["consent-vi"]
    asked = f"{model['goldenSentences'][0]['text']} ({{}})"
    answers = [
        classify(asked.format(time.time_ns()), model["modelType"], model["language"], staff())
        for _ in range(TURNS)
    ]
    assert {answer.status_code for answer in answers} == {200}
    return True


def redis(command: str) -> str:
    return kubectl("exec", "deployment/veriaidpo-redis", "--", "sh", "-c", f"{REDIS_CLI} {command}")


@contextmanager
def full() -> Iterator[None]:
    """Leave Redis no room, and have it refuse instead of making some."""
    before = [redis(f"CONFIG GET {name}").split()[1] for name in ("maxmemory", "maxmemory-policy")]
    redis("CONFIG SET maxmemory-policy noeviction maxmemory 1")
    try:
        yield
    finally:
        redis(f"CONFIG SET maxmemory {before[0]} maxmemory-policy {before[1]}")


def test_redis_goes_stalls_is_slow_and_full(load: Load) -> None:
    expected = "no request fails; degraded while it lasts, healthy by itself afterwards"
    with load:
        row = load.row("redis-killed", "Redis is killed, and comes back empty", expected)
        row.struck()
        replaced(REDIS, kill(REDIS))
        well("cache")
        row.healed()

        row = load.row("redis-stalled", f"Redis stands still for {STALL:.0f} s", expected)
        with stalled(REDIS):
            row.struck()
            noticed("cache")
            row.saw(f"degraded after {row.after()} s")
            time.sleep(STALL)
        row.mended()
        well("cache")
        row.healed()

        row = load.row("redis-slow", f"Redis runs for a fifth of the time, for {STALL:.0f} s", expected)
        with slowed(REDIS):
            row.struck()
            time.sleep(STALL)
        row.mended()
        well("cache")
        row.healed()

        row = load.row("redis-full", "Redis has no room, and refuses to make some", expected)
        with full():
            row.struck()
            with pytest.raises(AssertionError, match="OOM"):
                assert "OOM" not in redis("SET veriaidpo:probe 1")
            row.control = "SET by hand is refused: OOM"
            # What is cached already is read: only something new has to be written.
            eventually(lambda: something_new() and "degraded" in states("cache"), "it is noticed", 30)
            row.saw(f"degraded after {row.after()} s")
            time.sleep(5)
        row.mended()
        well("cache")
        row.healed()


@cache
def staff() -> str:
    return token("staff")


@cache
def admin() -> dict[str, str]:
    return {"Authorization": f"Bearer {token('admin')}"}


def companies() -> tuple[int, str]:
    """Ask for the registry; its status, and the code of a refusal."""
    answer = ingress(f"{BASE}/companies", method="GET", headers=admin())
    return answer.status_code, "" if answer.status_code == 200 else answer.json()["detail"]["code"]


def test_the_database_goes_and_stalls(load: Load) -> None:
    expected = "no sentence fails; /companies says companies_away, and answers by itself afterwards"
    with load:
        row = load.row("postgresql-killed", "PostgreSQL is killed", expected)
        killed = get_uid(POSTGRESQL)
        kubectl("delete", "pod", "-l", POSTGRESQL, "--grace-period=0", "--force")
        row.struck()
        eventually(lambda: companies() == (503, "companies_away"), "the registry is away", 30)
        row.control = "/companies: 503 companies_away"
        eventually(lambda: get_uid(POSTGRESQL) not in ("", killed), "another pod is ready", 120)
        well("company_registry")
        assert companies() == (200, "")
        row.healed()

        row = load.row("postgresql-stalled", f"PostgreSQL stands still for {STALL:.0f} s", expected)
        with stalled(POSTGRESQL):
            row.struck()
            eventually(lambda: companies() == (503, "companies_away"), "the registry is away", 60)
            row.control = f"/companies: 503 companies_away, {row.after()} s after it began"
            time.sleep(STALL)
        row.mended()
        well("company_registry")
        assert companies() == (200, "")
        row.healed()


def get_uid(selector: str) -> str:
    """Return the uid of the ready pod; a StatefulSet's new one has the name of the old one."""
    if not ready_pods(selector):
        return ""
    return kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[0].metadata.uid}")


def test_a_gateway_is_killed(load: Load) -> None:
    struck: list[float] = []

    def under_way(answer: Answer) -> bool:
        return bool(struck) and struck[0] - 2 < answer.at < struck[0] + 5 and answer.status in (0, 502)

    load.excuse(under_way)
    with load:
        row = load.row(
            "gateway-killed", "one of two gateways is killed without a warning",
            "what it had under way is lost, at most one request a caller; the other one answers all the rest",
        )  # fmt: skip
        load.traffic.more(50)
        struck.append(load.traffic.now())
        killed = kill(GATEWAY)
        row.struck()
        replaced(GATEWAY, killed, 2)
        row.healed()
        load.traffic.more()
        lost = sum(bool(answer.fault) and under_way(answer) for answer in load.traffic.answers)
        row.saw(f"{lost} lost")
        assert lost <= len(load.traffic.tokens), f"{lost} were lost"


def test_the_gateways_are_rolled(load: Load) -> None:
    with load:
        row = load.row(
            "gateway-rollout", "every gateway is replaced by another, one after another", "no request fails"
        )
        row.struck()
        kubectl("rollout", "restart", "deployment/veriaidpo-gateway")
        kubectl("rollout", "status", "deployment/veriaidpo-gateway", "--timeout=180s", timeout=190)
        row.healed()
        load.traffic.more()
