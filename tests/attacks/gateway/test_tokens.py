"""T: no forged, stretched or stale token, and nobody else's, opens anything."""

import json
import statistics
import time
from typing import Any

import jwt
import pytest

from ...integration.gateway_process import SECRET
from ..conftest import Attack
from .careless import Careless, tokens_anywhere
from .conftest import AUDIENCE, ISSUER, Published, Target, bearer, claims, token
from .entrances import Entrance
from .forgeries import ATTACKS, NOW, forged, headed, odd

OF_THE_PROCESS = {"T4c", "T4d", "T7c"}
"""The release names no issuer and no audience; what is written otherwise cannot be signed anew."""


@pytest.mark.parametrize("identity", ATTACKS)
def test_no_such_token_opens_anything(
    attack: Attack, entrance: Entrance, careless: Careless, identity: str
) -> None:
    if entrance.suffix and identity in OF_THE_PROCESS:
        pytest.skip("directly only")
    what, tokens = ATTACKS[identity]
    assert entrance.lets_in(token()), "a good token has to be let in, or nothing is shown"
    with attack(entrance.row(identity), what) as row:
        for forgery in tokens:
            row.tried += 1
            row.got_through += entrance.lets_in(forgery)
        believed = sum(map(careless.accepts, tokens))
        row.control = f"a verifier that does as the token says believes {believed}"
        assert believed, "the attack is none"


def test_t1b_a_public_key_used_as_a_shared_secret(
    attack: Attack, target: Target, careless: Careless, published: Published
) -> None:
    genuine = jwt.encode(claims(), published.private, "RS256", headers={"kid": "idp"})
    assert target.lets_in(genuine)
    tokens = [
        forged({"alg": alg, **kid}, claims(), key)
        for key in published.forms
        for alg in odd("HS256", "RS256")
        for kid in odd({}, {"kid": "idp"})
    ]
    with attack("T1b", "HS256 signed with the bytes of the public key: PEM, DER, PKCS 1, SSH, JWK") as row:
        for forgery in tokens:
            row.tried += 1
            row.got_through += target.lets_in(forgery)
        row.control = f"a verifier that tries every key believes {sum(map(careless.accepts, tokens))}"
        assert any(map(careless.accepts, tokens))


def test_t6a_several_tokens_and_half_ones(attack: Attack, entrance: Entrance) -> None:
    good, viewer = (
        entrance.bearer(role=role)["Authorization"].removeprefix("Bearer ") for role in ("admin", "viewer")
    )
    many = [
        [("Authorization", f"Bearer {viewer}"), ("Authorization", f"Bearer {good}")],
        [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")],
        [("Authorization", f"Bearer {viewer}, Bearer {good}")],
        [("Authorization", f"Bearer {good} {good}")],
        [("Authorization", f"Bearer  \t{good}")],
        [("Authorization", f"Bearer\t{good}")],
        [("Authorization", good)],
        [("Authorization", f"Basic {good}")],
        [("Authorization", f"Bearer{good}")],
        [("Authorization", f'Bearer "{good}"')],
        [("Authorization", f"Bearer token={good}")],
        [("X-Authorization", f"Bearer {good}")],
        [("Proxy-Authorization", f"Bearer {good}")],
    ]
    with attack(
        entrance.row("T6a"), "two tokens in one request, and tokens that are not sent as they should be"
    ) as row:
        for headers in many:
            answer = entrance.client.get("/model-status", headers=headers)
            row.tried += 1
            row.got_through += answer.status_code not in (400, 401)
        found = sum(good in tokens_anywhere(headers) for headers in many)
        assert found > len(many) / 2
        row.control = f"a server that looks for a token in such headers finds the good one in {found}"


def test_t6b_tokens_where_they_are_logged(attack: Attack, target: Target, lenient: int) -> None:
    good = token(sub="t6b")
    ways: list[dict[str, Any]] = [
        {"params": {"access_token": good}},
        {"params": {"token": good}},
        {"params": {"authorization": f"Bearer {good}"}},
        {"headers": {"Cookie": f"access_token={good}"}},
        {"headers": {"Cookie": f"Authorization=Bearer {good}"}},
    ]
    with attack("T6b", "a token in the address or in a cookie") as row:
        for sent in ways:
            row.tried += 1
            row.got_through += target.client.get("/model-status", **sent).status_code != 401
        row.got_through += good in target.gateway.log.read_text()
        said = target.client.get(f"http://127.0.0.1:{lenient}/x", params={"access_token": good}).json()
        assert said["token"] == good
        row.control = "a server that looks there finds it"


def test_t7b_a_token_taken_back(attack: Attack, target: Target) -> None:
    with attack("T7b", "a token that was revoked, and a copy of it with other claims") as row:
        stolen = token(jti="stolen", sub="t7b")
        assert target.lets_in(stolen)
        said = target.client.post("/revocations", json={"jti": "stolen"}, headers=bearer())
        assert said.status_code in (200, 202), said.text
        for again in (stolen, token(jti="stolen", sub="t7b", role="dpo"), stolen):
            row.tried += 1
            row.got_through += target.lets_in(again)
        row.control = "let in until it was revoked"


def reason_of(value: str) -> str:
    """Give what PyJWT says is wrong with a token."""
    try:
        jwt.decode(value, SECRET, ["HS256"], audience=AUDIENCE, issuer=ISSUER)
    except jwt.PyJWTError as error:
        return str(error)
    return "good"


def test_t8_what_a_refusal_gives_away(attack: Attack, target: Target) -> None:
    kinds = {
        "bad signature": token()[:-5] + "aaaaa",
        "unknown key": headed(kid="nobody"),
        "known key, bad signature": forged({"alg": "RS256", "kid": "idp"}, claims()),
        "expired": token(exp=NOW - 1),
        "another audience": token(aud="other"),
        "no token at all": "x",
    }
    seen: dict[str, tuple[int, str]] = {}
    took: dict[str, list[float]] = {name: [] for name in kinds}
    with attack("T8", "refusals that tell which part of a token was wrong") as row:
        for _ in range(25):
            for name, value in kinds.items():
                begun = time.perf_counter()
                answer = target.client.get("/model-status", headers={"Authorization": f"Bearer {value}"})
                took[name].append((time.perf_counter() - begun) * 1000)
                body = answer.json()
                body.pop("request_id")
                seen[name] = (answer.status_code, json.dumps(body))
                row.tried += 1
        row.got_through = len(set(seen.values())) - 1
        told = {reason_of(value) for value in kinds.values()}
        assert len(told) > 1
        row.control = f"a library's own words, handed on, tell {len(told)} of the {len(kinds)} apart"
        medians = [statistics.median(values) for values in took.values()]
        row.figure = f"one answer for all; medians {min(medians):.1f}-{max(medians):.1f} ms"
