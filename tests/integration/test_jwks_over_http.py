"""Keys from an issuer over HTTP: a whole gateway in front of a server that publishes what the test says."""

import asyncio
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from veriaidpo_gateway.identity.jwks import MOST_BYTES
from veriaidpo_gateway.identity.keyring import over_http
from veriaidpo_gateway.token_settings import TokenSettings

from .gateway_process import SECRET
from .whole_gateway import whole_gateway

KEYS: dict[str, Any] = {
    "r1": rsa.generate_private_key(public_exponent=65_537, key_size=2048),
    "r2": rsa.generate_private_key(public_exponent=65_537, key_size=2048),
    "e1": ec.generate_private_key(ec.SECP256R1()),
}


def set_of(*kids: str) -> bytes:
    members = []
    for kid in kids:
        algorithm = RSAAlgorithm if kid.startswith("r") else ECAlgorithm
        members.append({**algorithm.to_jwk(KEYS[kid].public_key(), as_dict=True), "kid": kid})
    return json.dumps({"keys": members}).encode()


def bearer(kid: str, role: str = "dpo") -> dict[str, str]:
    claims = {"sub": "u", "role": role, "tenant_id": "t1", "exp": int(time.time()) + 600}
    algorithm = "RS256" if kid.startswith("r") else "ES256"
    key = KEYS.get(kid) or KEYS["r1"]
    return {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm, headers={'kid': kid})}"}


class Issuer:
    """Answers `/keys` with `answer`; counts."""

    def __init__(self) -> None:
        self.answer: Callable[[], Response] = lambda: Response(set_of("r1", "e1"))
        self.asked: list[str] = []
        self.server: uvicorn.Server | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    def publish(self, *kids: str) -> None:
        self.answer = lambda: Response(set_of(*kids))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope)
        self.asked.append(request.url.path)
        await self.answer()(scope, receive, send)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        config = uvicorn.Config(self, port=self.port, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server._serve())  # under pytest the signals belong to pytest
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110  it has no event for it
                await asyncio.sleep(0.01)
        yield
        server.should_exit = True
        await task


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


class Gateway:
    def __init__(self, public: httpx.AsyncClient, inner: httpx.AsyncClient, upkeep: Any) -> None:
        self.public, self.inner, self.upkeep = public, inner, upkeep

    async def status(self, headers: dict[str, str]) -> int:
        return (await self.public.get("/model-status", headers=headers)).status_code

    async def ready(self) -> bool:
        return (await self.inner.get("/readyz")).status_code == 200


@asynccontextmanager
async def gateway_of(issuer: Issuer) -> AsyncIterator[Gateway]:
    algorithms = ("ES256", "HS256", "RS256")
    tokens = TokenSettings(algorithms=algorithms, secret=SECRET, jwks_url=issuer.url)
    async with whole_gateway(tokens=tokens) as gateway:
        yield Gateway(gateway.public, gateway.inner, gateway.upkeep)


async def test_published_keys_of_both_kinds_and_secrets_are_believed(issuer: Issuer) -> None:
    claims = {"sub": "u", "role": "dpo", "tenant_id": "t1", "exp": int(time.time()) + 600}
    own = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
    async with issuer.serving(), gateway_of(issuer) as gateway:
        assert [await gateway.status(headers) for headers in (bearer("r1"), bearer("e1"), own)] == [200] * 3
        assert await gateway.status(bearer("r2")) == 401
        assert await gateway.status({}) == 401


async def test_a_rotation_refuses_no_good_token(issuer: Issuer) -> None:
    """A thousand calls, the new key signing from the moment it is published, the old one then withdrawn."""
    issuer.publish("r1")
    async with issuer.serving(), gateway_of(issuer) as gateway:
        statuses = []
        for i in range(100):
            if i == 30:
                issuer.publish("r1", "r2")
            signer = ["r1", "r2"][i % 2] if 30 <= i < 60 else ("r1" if i < 30 else "r2")
            if i == 70:
                issuer.publish("r2")
                await asyncio.gather(*(part.refresh() for part in gateway.upkeep))
            headers = bearer(signer)
            statuses += await asyncio.gather(*(gateway.status(headers) for _ in range(10)))
        assert statuses == [200] * 1000
        assert await gateway.status(bearer("r1")) == 401
    assert len(issuer.asked) == 3  # at the start, for the new name, after the withdrawal


async def test_a_hundred_tokens_of_unknown_keys_ask_the_issuer_once(issuer: Issuer) -> None:
    async with issuer.serving(), gateway_of(issuer) as gateway:
        before = len(issuer.asked)
        statuses = await asyncio.gather(*(gateway.status(bearer(f"r-nobody{i}")) for i in range(100)))
        assert statuses == [401] * 100
        assert len(issuer.asked) == before + 1


async def test_tokens_that_name_no_published_kind_ask_nobody(issuer: Issuer) -> None:
    async with issuer.serving(), gateway_of(issuer) as gateway:
        before = len(issuer.asked)
        for header in (
            "",
            "Bearer a.b.c",
            f"Bearer {jwt.encode({}, 'x' * 32, 'HS256', headers={'kid': 'z'})}",
        ):
            assert await gateway.status({"Authorization": header}) == 401
        assert len(issuer.asked) == before


async def test_an_issuer_that_dies_takes_no_token_with_it(issuer: Issuer) -> None:
    async with gateway_of(issuer) as gateway:
        async with issuer.serving():
            await asyncio.gather(*(part.refresh() for part in gateway.upkeep))
            assert await gateway.status(bearer("r1")) == 200
        await asyncio.gather(*(part.refresh() for part in gateway.upkeep))
        assert await gateway.status(bearer("r1")) == 200
        assert await gateway.status(bearer("r2")) == 401
        assert await gateway.ready()


async def test_before_the_first_set_nobody_is_called_a_liar(issuer: Issuer) -> None:
    """No set yet: 503 for a token that may be good, 401 for none at all; and the pod takes no traffic."""
    async with gateway_of(issuer) as gateway:
        answer = await gateway.public.get("/model-status", headers=bearer("r1"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["detail"]["code"] == "not_started"
        assert await gateway.status({}) == 401
        assert not await gateway.ready()
        async with issuer.serving():
            await asyncio.gather(*(part.refresh() for part in gateway.upkeep))
            assert await gateway.ready()
            assert await gateway.status(bearer("r1")) == 200


TOO_LARGE = set_of("r1") + b" " * MOST_BYTES
REFUSED: dict[str, Callable[[], Response]] = {
    "a redirect": lambda: RedirectResponse("/elsewhere", 302),
    "a permanent redirect": lambda: RedirectResponse("/elsewhere", 308),
    "not found": lambda: Response(set_of("r1"), 404),
    "an error": lambda: Response(set_of("r1"), 500),
    "no content": lambda: Response(status_code=204),
    "too large": lambda: Response(TOO_LARGE),
    "compressed": lambda: Response(gzip.compress(set_of("r1")), headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED.keys())
async def test_only_a_plain_answer_of_its_size_is_taken(
    issuer: Issuer, answer: Callable[[], Response]
) -> None:
    issuer.answer = answer
    async with issuer.serving():
        with pytest.raises(ValueError):
            await over_http(issuer.url)()
    assert issuer.asked == ["/keys"]


async def test_what_is_good_is_taken_as_it_is(issuer: Issuer) -> None:
    async with issuer.serving():
        assert await over_http(issuer.url)() == set_of("r1", "e1")
