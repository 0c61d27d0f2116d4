"""A verb that nobody used in a whole run of the suite is one that nobody needs."""

import pytest

from . import auditing

pytestmark = pytest.mark.slow

TABLE = {"a": {"pods": ["get", "list"], "crds.x.io/models": ["patch"]}}


def line(
    verb: str, resource: str, decision: str = "allow", account: str = "a", **at: str
) -> dict[str, object]:
    return {
        "verb": verb,
        "user": {"username": f"system:serviceaccount:veriaidpo:{account}"},
        "requestReceivedTimestamp": "2026-11-29T02:00:00.000000Z",
        "objectRef": {"resource": resource, **at},
        "annotations": {"authorization.k8s.io/decision": decision},
    }


def test_what_was_not_used_and_what_was_refused_is_found() -> None:
    log = [
        line("list", "pods"),
        line("patch", "crds", apiGroup="x.io", name="models"),
        line("get", "pods", account="somebody-else"),
        line("create", "secrets", "forbid"),
    ]
    use = auditing.used(log, TABLE, auditing.BEGUN.replace(year=2000))
    assert auditing.unused(TABLE, use) == [("a", "pods", "get")]
    assert dict(use.refused) == {("a", "secrets", "create"): 1}
    assert not auditing.used(log, TABLE, auditing.BEGUN.replace(year=2100)).verbs


def test_what_is_refused_while_a_release_is_removed_does_not_count() -> None:
    table = {"veriaidpo-operator": {"pods": ["get"]}, "veriaidpo-gateway": {"pods": ["get"]}}

    def binding(verb: str, **name: str) -> dict[str, object]:
        return line(verb, "rolebindings", account="admin", namespace="veriaidpo", **name)

    def refused(*before: dict[str, object]) -> int:
        log = [*before, line("get", "pods", "forbid", "veriaidpo-operator")]
        return sum(auditing.used(log, table, auditing.BEGUN.replace(year=2000)).refused.values())

    assert refused() == 1
    assert refused(binding("delete", name="veriaidpo-operator")) == 0
    assert refused(binding("deletecollection")) == 0
    assert refused(binding("delete", name="veriaidpo-gateway")) == 1
    assert refused(binding("deletecollection"), binding("patch", name="veriaidpo-operator")) == 1


def test_every_verb_that_is_granted_was_used(request: pytest.FixtureRequest) -> None:
    if len({item.path for item in request.session.items}) < 10:
        pytest.skip("of a whole run only: hack/rights looks at what the log has")
    assert auditing.judged(auditing.BEGUN) == []
