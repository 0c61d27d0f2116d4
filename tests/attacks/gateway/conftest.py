"""A gateway as a process, with its Redis and a predictor that repeats what it was asked when it fails."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk

from ...forging import forged
from ...integration.gateway_process import SECRET, Gateway, predictor_beside, running
from ...integration.redis_process import RedisProcess
from .careless import Careless, lenient_server
from .entrances import INSTALLED, Entrance, let_in, through_the_ingress

T = TypeVar("T")

JSON = {"Content-Type": "application/json"}

ISSUER, AUDIENCE = "https://idp.example", "veriaidpo"
LIMIT = 10
"""Calls a second of a user of these tenants, fewer than a busy machine makes; others have no limits."""

LIMITED = ("small", "a", "c", "C", "b.c")


def claims(**changes: Any) -> dict[str, Any]:
    """Give good claims of an admin, but for what is changed; `...` leaves one out."""
    now = int(time.time())
    good = {"sub": "anna", "role": "admin", "tenant_id": "t1", "iat": now, "exp": now + 600}
    good |= {"iss": ISSUER, "aud": AUDIENCE, **changes}
    return {name: value for name, value in good.items() if value is not ...}


HEADER = {"alg": "HS256", "typ": "JWT"}


def token(**changes: Any) -> str:
    """Write a good token."""
    return forged(HEADER, claims(**changes), SECRET.encode())


def bearer(**changes: Any) -> dict[str, str]:
    """Give the header of a good token."""
    return {"Authorization": f"Bearer {token(**changes)}"}


@dataclass(frozen=True)
class Published:
    """The key an identity provider shows to everybody, in every way it can be written down."""

    forms: tuple[bytes, ...]
    jwks: dict[str, Any]
    private: bytes


@pytest.fixture(scope="session")
def published() -> Published:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public, encoding, shape = key.public_key(), serialization.Encoding, serialization.PublicFormat
    pem = public.public_bytes(encoding.PEM, shape.SubjectPublicKeyInfo)
    written = {**jwk.construct(pem.decode(), "RS256").to_dict(), "kid": "idp", "use": "sig"}
    forms = (
        pem,
        pem.strip(),
        public.public_bytes(encoding.DER, shape.SubjectPublicKeyInfo),
        public.public_bytes(encoding.PEM, shape.PKCS1),
        public.public_bytes(encoding.OpenSSH, shape.OpenSSH),
        json.dumps(written).encode(),
        str(written["n"]).encode(),
    )
    private = key.private_bytes(encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Published(forms, {"keys": [written]}, private)


@dataclass
class Target:
    """The gateway that is attacked, its Redis, and a client that adds nothing."""

    gateway: Gateway
    redis: RedisProcess
    client: httpx.Client

    def classify(self, text: str = "Shopee thu thập email", **headers: str) -> httpx.Response:
        return self.client.post("/classify", json={"text": text}, headers=headers)

    def redis_was_late(self) -> int:
        """How often the gateway did without its Redis: on a busy machine 50 ms are not always enough."""
        return self.gateway.log.read_text().count("redis is away")

    def with_redis(self, attempt: Callable[[], T]) -> T:
        """Repeat what needs Redis until it was there all the time."""
        for _ in range(20):
            time.sleep(1.1)  # the pause of its breaker
            before = self.redis_was_late()
            try:
                found = attempt()
            except AssertionError:
                if self.redis_was_late() == before:
                    raise
            else:
                if self.redis_was_late() == before:
                    return found
        raise AssertionError("Redis was never there for long enough")

    def cpu(self) -> float:
        """Return the seconds of CPU the gateway has used."""
        fields = Path(f"/proc/{self.gateway.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def lets_in(self, value: str) -> bool:
        """Whether a token opens a route, or breaks the gateway."""
        return let_in(self.client, value)


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory, published: Published) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "jwks.json").write_text(json.dumps(published.jwks))
    plans = {"plans": {"small": {"userRequests": LIMIT}}, "tenants": dict.fromkeys(LIMITED, "small")}
    (folder / "plans.json").write_text(json.dumps(plans))
    with ExitStack() as stack:
        redis = RedisProcess(folder)
        redis.start()
        stack.callback(redis.kill)
        settings = {
            "JWT_ALGORITHM": "HS256,RS256,ES256",
            "JWKS_FILE": str(folder / "jwks.json"),
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
            "REDIS_URL": redis.url,
            "CACHE_KEY": "k" * 32,
            "PLANS_FILE": str(folder / "plans.json"),
        }
        predictor = stack.enter_context(predictor_beside())
        gateway = stack.enter_context(running(folder, predictor, settings))
        client = stack.enter_context(httpx.Client(base_url=gateway.url, trust_env=False, timeout=40))
        found = Target(gateway, redis, client)
        assert found.classify(**bearer()).status_code == 200, gateway.log.read_text()
        yield found


@pytest.fixture(scope="session", params=["direct", "ingress"])
def entrance(request: pytest.FixtureRequest) -> Iterator[Entrance]:
    """Both ways to a gateway, one after the other; the second where a cluster is named."""
    if request.param == "direct":
        target: Target = request.getfixturevalue("target")
        address = ("127.0.0.1", target.gateway.port)
        yield Entrance("", target.client, address, "x", bearer, target.gateway.log.read_text)
    elif INSTALLED:
        with through_the_ingress() as found:
            yield found
    else:
        pytest.skip("neither INGRESS nor KUBECONFIG names a cluster with the release")


@pytest.fixture(scope="session")
def careless(published: Published) -> Careless:
    return Careless([SECRET.encode(), *published.forms])


@pytest.fixture(scope="session")
def lenient() -> Iterator[int]:
    with lenient_server() as port:
        yield port
