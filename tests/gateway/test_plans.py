"""Tenants with limits of their own: read from a file, completed by what holds for everybody, followed."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.limiting.limits import Limits
from veriaidpo_gateway.limiting.plans import Plan, parse
from veriaidpo_gateway.settings import LimitSettings

USUAL = Plan(user_requests=5, tenant_requests=50)
FILE = {
    "plans": {"large": {"userRequests": 500, "tenantCharacters": 9_000}, "free": {"userRequests": 1}},
    "tenants": {"shopee": "large", "cty-x": "free"},
}


def encoded(file: Any) -> bytes:
    return json.dumps(file).encode()


def test_a_plan_says_what_differs() -> None:
    plans = parse(encoded(FILE), USUAL)
    assert plans.of("shopee") == Plan(user_requests=500, tenant_requests=50, tenant_characters=9_000)
    assert plans.of("cty-x") == Plan(user_requests=1, tenant_requests=50)
    assert plans.of("anybody") == USUAL
    assert plans.of("Shopee") == USUAL


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ({"plans": {"a": {"userRequest": 1}}}, "plans.a.userRequest: "),
        ({"plans": {"a": {"userRequests": -1}}}, "plans.a.userRequests: "),
        ({"plans": {"a": {"userRequests": "1"}}}, "plans.a.userRequests: "),
        ({"plans": {"a": {"userCharacters": 3_999}}}, "plans.a: characters: 0, or at least 4000"),
        ({"plans": {"large": {}}, "tenants": {"t1": "a"}}, "tenants.t1: there is no plan a"),
        ({"plans": {"a": {}}, "tenants": {"a tenant": "a"}}, "tenants.a tenant"),
        ({"plan": {}}, "plan: "),
        ([], "the file: "),
    ],
)
def test_what_is_wrong_in_a_file_of_plans_is_named(file: Any, named: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(encoded(file), USUAL)
    assert str(refused.value).startswith(named)


def test_a_gateway_does_not_start_on_a_broken_one(tmp_path: Path) -> None:
    (tmp_path / "plans.json").write_bytes(b"{")
    for name in ("plans.json", "none.json"):
        with pytest.raises(InvalidSettingsError, match="PLANS_FILE"):
            Limits(LimitSettings(plans=tmp_path / name), None)
    (tmp_path / "plans.json").write_bytes(encoded({"tenants": {"t1": "a"}}))
    with pytest.raises(InvalidSettingsError, match=r"PLANS_FILE: tenants.t1: there is no plan a"):
        Limits(LimitSettings(plans=tmp_path / "plans.json"), None)


async def test_plans_that_change_hold_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "plans.json"
    file.write_bytes(encoded(FILE))
    limits = Limits(LimitSettings(per_user=5, per_tenant=50, plans=file), None)
    caller = Caller("anna", "staff", "cty-x")
    assert [limit.most for limit in limits._of(caller, calls=1, characters=0)] == [1, 50]
    file.write_bytes(
        encoded({"plans": {"new": {"userRequests": 7, "tenantRequests": 0}}, "tenants": {"cty-x": "new"}})
    )
    await asyncio.sleep(1.05)  # it is looked at once a second
    assert [limit.most for limit in limits._of(caller, calls=1, characters=0)] == [7]
    file.write_bytes(b"broken")
    await asyncio.sleep(1.05)  # it is looked at once a second
    assert [limit.most for limit in limits._of(caller, calls=1, characters=0)] == [7]
