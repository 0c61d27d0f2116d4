"""Keys and passwords change under load: nobody is refused, and what was taken back is good for nothing."""

import base64

import pytest

from ..tables import kept
from .cluster import CHART, ROLES, classify, eventually, get, helm, ingress, kubectl, run
from .conftest import TENANTS, tenant_tokens, token
from .traffic import Answer, Traffic

pytestmark = pytest.mark.slow

LEAST_RATE = 10.0
"""Requests a second: both cores also start gateways."""


def rotate(what: str) -> str:
    return run("hack/rotate", what, timeout=400).strip()


def held(secret: str, key: str) -> str:
    return base64.b64decode(get("secret", secret)["data"][key]).decode()


def under_load(traffic: Traffic, *what: str) -> None:
    """Rotate while people ask."""
    with traffic:
        traffic.more()
        for one in what:
            rotate(one)
        traffic.more()
    assert counted(traffic, " ".join(what)) == []


def counted(traffic: Traffic, what: str) -> list[Answer]:
    """Return what failed, and keep the numbers in build/operations.json."""
    failed = traffic.failed(least_rate=LEAST_RATE)
    with kept("operations") as body:
        of = body.setdefault("rotation", {})
        of[what] = {"sent": len(traffic.answers), "failed": len(failed)}
    return failed


def healthy() -> bool:
    answer = ingress("/health", method="GET").json()
    assert answer["status"] == "healthy", answer
    return True


def redis_takes(password: str) -> bool:
    said = kubectl(
        "exec", "-i", "deploy/veriaidpo-redis", "--", "redis-cli", stdin=f"AUTH {password}\nPING\n"
    )
    return "PONG" in said


def test_passwords_of_the_stores_change(traffic: Traffic) -> None:
    redis, postgresql = (
        held("veriaidpo-redis", "redis-password"),
        held("veriaidpo-postgresql", "database-url"),
    )
    under_load(traffic, "redis", "postgresql")
    assert not redis_takes(redis)
    assert redis_takes(held("veriaidpo-redis", "redis-password"))
    assert held("veriaidpo-postgresql", "database-url") != postgresql
    eventually(healthy, "cache, companies and records are used", 60)


def test_the_key_between_gateway_and_predictors_changes(traffic: Traffic) -> None:
    before = held("veriaidpo-service-key", "tls.key")
    under_load(traffic, "service-key")
    assert held("veriaidpo-service-key", "tls.key") != before
    trusted = get("configmap", "veriaidpo-service-trust")["data"]["tls.crt"]
    assert trusted == held("veriaidpo-service-key", "tls.crt"), "the former key is believed no more"


def test_the_secret_of_tokens_changes(traffic: Traffic, tokens: dict[str, str]) -> None:
    former = traffic.tokens[0]
    with traffic:
        traffic.more()
        kid = rotate("jwt")
        traffic.more()  # by tokens of before
        traffic.tokens[:] = tenant_tokens(TENANTS, "--kid", kid)
        traffic.more(20)
        rotate("jwt-end")
        traffic.more()
    assert counted(traffic, "jwt jwt-end") == []
    body = traffic.questions[0].body
    assert classify(**body, token=former).status_code == 401
    # Its next rendering finds what is there, an object in JSON included.
    helm("upgrade", "veriaidpo", str(CHART), "--reuse-values", "--wait", "--timeout", "3m")
    assert classify(**body, token=traffic.tokens[0]).status_code == 200
    # The one secret that is left needs no name any more. Whoever comes after this test has tokens of before.
    tokens.update({role: token(role) for role in ROLES})
    assert classify(**body, token=tokens["staff"]).status_code == 200
