"""A token is taken back: where one replica stands alone, and what may be asked."""

import time
from typing import Any

import pytest

from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.identity.revocations import CLOCKS, Revocations

NOW = 1_800_000_000


async def revoke(gateway: Any, headers: dict[str, str], **body: Any) -> Any:
    return await gateway.public.post("/revocations", json=body, headers=headers)


async def status(gateway: Any, headers: dict[str, str]) -> int:
    code: int = (await gateway.classify("a", headers)).status_code
    return code


async def test_a_revoked_token_is_the_401_of_every_bad_token(gateway: Any, bearer: Any) -> None:
    good, other = bearer(jti="j-1"), bearer(jti="j-2")
    assert await status(gateway, good) == 200
    answer = await revoke(gateway, bearer("admin"), jti="j-1")
    assert (answer.status_code, answer.json()["shared"]) == (200, True)
    refused = await gateway.classify("a", good)
    bad = await gateway.classify("a", {"Authorization": "Bearer a.b.c"})
    assert refused.status_code == bad.status_code == 401
    assert refused.json()["detail"] == bad.json()["detail"]
    assert refused.headers["WWW-Authenticate"] == bad.headers["WWW-Authenticate"]
    assert await status(gateway, other) == 200
    assert await status(gateway, bearer()) == 200  # it has no jti: it can only end


async def test_revoking_twice_is_as_good_as_once(gateway: Any, bearer: Any) -> None:
    exp = int(time.time()) + 300
    answers = [(await revoke(gateway, bearer("admin"), jti="j-1", exp=exp)).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["revoked_until"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(exp))


async def test_an_administrator_can_revoke_the_token_they_came_with(gateway: Any, bearer: Any) -> None:
    own = bearer("admin", jti="mine")
    assert (await revoke(gateway, own, jti="mine")).status_code == 200
    assert (await revoke(gateway, own, jti="other")).status_code == 401


async def test_another_tenants_token_is_not_theirs_to_revoke(gateway: Any, bearer: Any) -> None:
    await revoke(gateway, bearer("admin", tenant_id="t2"), jti="j-1")
    assert await status(gateway, bearer(jti="j-1")) == 200
    assert await status(gateway, bearer(jti="j-1", tenant_id="t2")) == 401


@pytest.mark.parametrize("role", ["viewer", "staff", "auditor", "dpo", "compliance_manager"])
async def test_nobody_else_may(gateway: Any, bearer: Any, role: str) -> None:
    answer = await gateway.public.post("/revocations", content=b"{", headers=bearer(role))
    assert answer.status_code == 403
    assert answer.json()["detail"]["required_permission"] == "user.write"
    assert (await gateway.public.post("/revocations", content=b"{")).status_code == 401


async def test_it_counts_against_the_limit(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway(per_user=1) as gateway:
        answers = [await revoke(gateway, bearer("admin"), jti="j") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": "j" * 257}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": ["j"]}, "jti"),
        ({"jti": "j", "exp": "1800000000"}, "exp"),
        ({"jti": "j", "exp": 1.5}, "exp"),
        ({"jti": "j", "exp": True}, "exp"),
        ({"jti": "j", "exp": -1}, "exp"),
        ({"jti": "j", "exp": int(time.time()) - 10}, "exp"),
        ({"jti": "j", "exp": int(time.time()) + 90_000}, "exp"),
        ({"jti": "j", "exp": int(time.time() * 1000)}, "exp"),
        ({"jti": "j", "exp": 10**400}, "exp"),
        ({"jti": "j", "tenant_id": "t2"}, None),
    ],
)
async def test_what_is_no_revocation_is_a_422(gateway: Any, bearer: Any, body: Any, field: Any) -> None:
    answer = await revoke(gateway, bearer("admin"), **body)
    assert answer.status_code == 422
    assert [item["field"] for item in answer.json()["detail"]["fields"]] == [field]


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


async def test_it_is_kept_until_the_token_has_ended_everywhere_and_then_forgotten() -> None:
    clock = Clock()
    revocations = Revocations(None, longest=86_400, clock=clock)
    await revocations.revoke("t1", "j", NOW + 100)
    caller = Caller("u1", "staff", "t1", jti="j")
    clock.now = NOW + 100 + CLOCKS - 1
    await revocations.refresh()
    assert revocations.revoked(caller)
    clock.now = NOW + 100 + CLOCKS
    assert not revocations.revoked(caller)
    await revocations.refresh()
    assert not revocations._until


async def test_the_later_end_counts() -> None:
    clock = Clock()
    revocations = Revocations(None, longest=86_400, clock=clock)
    await revocations.revoke("t1", "j", NOW + 1000)
    await revocations.revoke("t1", "j", NOW + 10)
    clock.now = NOW + 900
    assert revocations.revoked(Caller("u1", "staff", "t1", jti="j"))


async def test_a_tenant_that_revokes_too_much_takes_no_room_from_another() -> None:
    revocations = Revocations(None, longest=86_400, clock=Clock(), most=2)
    for jti in ("a", "b", "a"):
        await revocations.revoke("t1", jti, NOW + 10)
    with pytest.raises(GatewayError) as caught:
        await revocations.revoke("t1", "c", NOW + 10)
    assert caught.value.code is ErrorCode.REVOCATIONS_FULL
    assert await revocations.revoke("t2", "c", NOW + 10)
