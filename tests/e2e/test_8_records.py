"""What docs/decisions.md promises: a gateway is killed under load, a row is changed, a tenant leaves."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import pytest

from ..tables import kept
from .cluster import classify, eventually, ingress, kubectl, provider
from .conftest import Installation, token
from .parts import GATEWAY, processes, ready_pods, replaced, sql
from .proofs import certificates, exported, records_of, verified, verified_inside
from .traffic import Answer, Question, Traffic

pytestmark = pytest.mark.slow

WITHOUT_RECORD = 0.25 + 2.0
"""Seconds before its end whose answers may have none: a quarter, and the round under way (2 s at most)."""

LEAST_RATE = 10.0
"""Requests a second: both cores also start a gateway."""

LEAVING, ASKED = "leaving", 5


@dataclass(frozen=True)
class Killed:
    """What was answered around a gateway's end, in seconds of the traffic, and the chain that it wrote."""

    answers: list[Answer]
    begun: float
    over: float
    chain: str


@pytest.fixture(scope="module")
def public(installation: Installation) -> str:
    return certificates()


@pytest.fixture
def killed(traffic: Traffic) -> Killed:
    """Kill a gateway in the midst of its work: it gets no time to write anything, and its pod is gone."""
    with traffic:
        traffic.more()
        name = ready_pods(GATEWAY)[0]
        chain, ids = chain_of(name), " ".join(processes(name))
        begun = traffic.now()
        provider("node", "sh", "-c", f"kill -KILL {ids}")
        kubectl("delete", "pod", name, "--grace-period=0", "--force")
        over = traffic.now()
        replaced(GATEWAY, name, 2)
        traffic.more()
    wrong = [one for one in traffic.failed(least_rate=LEAST_RATE) if one.status == 200]
    assert wrong == [], "what the gateway had in hand is cut, and nobody is told anything else"
    return Killed([one for one in traffic.answers if one.status == 200], begun, over, chain)


def chain_of(pod: str) -> str:
    """Read which chain a gateway writes, in the heads that its log has as well."""
    lines = kubectl("logs", pod).splitlines()
    (head, *_) = (line["head"] for line in map(json.loads, lines) if "head" in line)
    payload = head.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["chain"])


def test_a_killed_gateway_loses_no_record_but_of_its_last_moment(killed: Killed, public: str) -> None:
    lines = exported()
    times = Counter(one["contents"]["request_id"] for one in records_of(lines) if "contents" in one)
    missing = [one for one in killed.answers if not times[one.request_id]]
    assert all(killed.begun - WITHOUT_RECORD <= one.until <= killed.over for one in missing), missing
    assert {times[one.request_id] for one in killed.answers} <= {0, 1}
    assert len(killed.answers) == len({one.request_id for one in killed.answers})
    verdict = verified(lines, public)
    assert verdict.code == 0, verdict.said
    assert verdict.open >= len(ready_pods(GATEWAY)) + 1, "its chain has no end that was signed"
    closed = sql(f"SELECT count(*) FROM record_head WHERE chain = '{killed.chain}' AND closed = 1")
    assert closed == "0"
    assert rows_after_the_head(killed.chain) <= verdict.unsigned
    with kept("operations") as body:
        body["records"] = {"answered": len(killed.answers), "without a record": len(missing)}
    print(f"{len(killed.answers)} answers, {len(missing)} of them without a record; {verdict.said}")
    inside = verified_inside(public)
    assert inside.code == 0, inside.said
    assert "proven: nothing was removed, changed, added, moved or cut" in inside.said


def rows_after_the_head(chain: str) -> int:
    of_it = f"WHERE chain = '{chain}'"
    return int(
        sql(
            f"SELECT (SELECT max(position) FROM decision_record {of_it}) "
            f"- (SELECT max(position) FROM record_head {of_it})"
        )
    )


def test_a_row_that_is_changed_is_named(public: str) -> None:
    chain, position = newest()
    with changed(chain, position):
        verdict = verified_inside(public)
    assert verdict.code == 1, verdict.said
    assert f"changed: chain {chain}, row {position} / " in verdict.said
    assert "NOT PROVEN" in verdict.said
    assert verified_inside(public).code == 0


def newest() -> tuple[str, str]:
    """Name a row that says which label somebody got."""
    place = sql("SELECT chain, position FROM decision_record WHERE label != '' ORDER BY time DESC LIMIT 1")
    chain, position = place.split("|")
    return chain, position


@contextmanager
def changed(chain: str, position: str) -> Iterator[None]:
    """Have a row say that somebody got another label."""
    at = f"WHERE chain = '{chain}' AND position = {position}"
    label = sql(f"SELECT label FROM decision_record {at}")
    sql(f"UPDATE decision_record SET label = 'another' {at}")
    try:
        yield
    finally:
        sql(f"UPDATE decision_record SET label = '{label}' {at}")


def test_a_tenant_that_leaves_is_blank_and_everything_is_still_proven(
    questions: list[Question], public: str
) -> None:
    of_it = {role: token(role, "--tenant", LEAVING) for role in ("staff", "auditor", "admin")}
    for question in questions[:ASKED]:
        assert classify(**question.body, token=of_it["staff"]).status_code == 200
    path, auditor = "/api/v1/veriaidpo/records", {"Authorization": f"Bearer {of_it['auditor']}"}
    eventually(lambda: len(listed(path, auditor)) == ASKED, "they are recorded", 10)
    others = what_others_have()
    administrator = {"Authorization": f"Bearer {of_it['admin']}"}
    answer = ingress(f"/api/v1/veriaidpo/tenants/{LEAVING}/data", method="DELETE", headers=administrator)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["records"], answer.json()["complete"]) == (ASKED, True)
    assert listed(path, auditor) == []
    assert sql(f"SELECT count(*) FROM decision_record WHERE tenant = '{LEAVING}'") == "0"
    assert what_others_have() == others
    inside = verified_inside(public)
    assert inside.code == 0, inside.said
    assert inside.erased >= ASKED


def listed(path: str, headers: dict[str, str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = ingress(path, method="GET", headers=headers).json()["records"]
    return found


def what_others_have() -> str:
    """Count the rows of others that say something, and hash all that they say."""
    said = "sum(hashtextextended(decision_record::text, 0))"
    return sql(f"SELECT count(*), {said} FROM decision_record WHERE tenant != '{LEAVING}'")


@pytest.mark.parametrize("more", [(), ("--tenant", "tenant-1")], ids=["whole", "of one tenant"])
def test_an_export_proves_itself_with_the_certificate_alone(more: tuple[str, ...], public: str) -> None:
    lines = exported(*more)
    verdict = verified(lines, public)
    assert verdict.code == 0, verdict.said
    assert verdict.rows == len(records_of(lines)) > 0
    assert (verdict.withheld > 0) == bool(more)
    whose = {one["contents"]["tenant"] for one in records_of(lines) if "contents" in one}
    assert whose == {"tenant-1"} if more else len(whose) > 1
    lost = next(one for one, after in pairwise(records_of(lines)) if one["chain"] == after["chain"])
    without = (line for line in lines.splitlines(keepends=True) if lost["row_hash"] not in line)
    assert verified("".join(without), public).code == 1
