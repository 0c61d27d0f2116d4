"""Who may do what."""

from typing import Any

import pytest

from veriaidpo_gateway.identity.access import Caller, of_role, permissions_of

OF_ROLE = {
    "viewer": set(),
    "staff": {"processing_activity.read"},
    "auditor": {"analytics.read", "audit.read"},
    "dpo": {
        "processing_activity.read",
        "analytics.read",
        "audit.read",
        "data_category.write",
        "company.read",
    },
    "compliance_manager": {
        "processing_activity.read",
        "analytics.read",
        "audit.read",
        "data_category.write",
        "company.read",
    },
    "admin": {
        "processing_activity.read",
        "analytics.read",
        "audit.read",
        "data_category.write",
        "company.read",
        "company.write",
        "user.write",
    },
}


@pytest.mark.parametrize(("role", "permissions"), OF_ROLE.items())
def test_a_role_grants_its_own_and_what_it_inherits(role: Any, permissions: Any) -> None:
    assert of_role(role) == permissions


@pytest.mark.parametrize("role", ["Admin", "ADMIN", "root", "*", "admin "])
def test_an_unknown_role_grants_nothing(role: Any) -> None:
    assert of_role(role) == frozenset()


def test_a_list_in_the_token_is_used_instead_of_the_role() -> None:
    caller = Caller("u", "viewer", "t", permissions=("analytics.read", "made.up"))
    assert permissions_of(caller) == ("analytics.read", "made.up")


def test_an_empty_list_in_the_token_grants_nothing() -> None:
    assert permissions_of(Caller("u", "admin", "t", permissions=())) == ()


@pytest.mark.parametrize("role", OF_ROLE)
async def test_classify_and_status_are_open_to_those_who_may(gateway: Any, bearer: Any, role: Any) -> None:
    classify = (await gateway.classify("a", bearer(role))).status_code
    status = (await gateway.public.get("/model-status", headers=bearer(role))).status_code
    assert classify == (200 if "processing_activity.read" in OF_ROLE[role] else 403)
    assert status == (200 if "analytics.read" in OF_ROLE[role] else 403)


async def test_a_403_says_in_both_languages_what_was_missing(gateway: Any, bearer: Any) -> None:
    answer = await gateway.classify("a", bearer("auditor"))
    detail = answer.json()["detail"]
    assert detail == {
        "code": "permission_denied",
        "error": "Permission denied: processing_activity.read required",
        "error_vi": "Từ chối quyền truy cập: cần quyền processing_activity.read",
        "required_permission": "processing_activity.read",
        "user_role": "auditor",
        "user_permissions": ["analytics.read", "audit.read"],
    }


async def test_permissions_nobody_knows_are_kept_and_echoed(gateway: Any, bearer: Any) -> None:
    answer = await gateway.classify("a", bearer("admin", permissions=["made.up"]))
    assert answer.status_code == 403
    assert answer.json()["detail"]["user_permissions"] == ["made.up"]


async def test_permissions_of_the_token_open_what_the_role_would_not(gateway: Any, bearer: Any) -> None:
    answer = await gateway.classify("a", bearer("viewer", permissions=["processing_activity.read"]))
    assert answer.status_code == 200
