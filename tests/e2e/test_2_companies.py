"""The registry of companies through the ingress: written once, known by every replica, kept over restarts."""

import csv
import io
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .cluster import BASE, eventually, ingress, kubectl
from .parts import GATEWAY, ready_pods

WITHIN = 5.0
"""Seconds until every replica knows of a change."""

TURNS = 12
"""Requests after which each of the replicas has answered one."""

ALIAS, OTHER_ALIAS = "Rồng Xanh Thử Nghiệm", "Rồng Đỏ Thử Nghiệm"
DRAGON = {"name": f"Công ty Cổ phần {ALIAS}", "aliases": [ALIAS], "ticker": "RXT"}


class Admin:
    """Asks as an administrator."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}", **options.pop("headers", {})}
        return ingress(BASE + path, method=method, headers=headers, **options)

    def knows(self, name: str) -> bool:
        """Tell whether the replica that answers finds a name by the registry: a model may find others."""
        answer = self("POST", "/normalize", json={"text": f"{name} lưu email"})
        assert answer.status_code == 200, answer.text
        return any(span["source"] == "registry" for span in answer.json()["spans"])

    def found(self, word: str) -> list[dict[str, object]]:
        answer = self("GET", "/companies", params={"q": word})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["companies"])


@pytest.fixture(scope="module")
def admin(tokens: dict[str, str]) -> Admin:
    return Admin(tokens["admin"])


@pytest.fixture(scope="module")
def dragon(admin: Admin) -> Iterator[httpx.Response]:
    for left in admin.found("Thử Nghiệm"):  # of a run that was cut short
        admin("DELETE", f"/companies/{left['id']}", headers={"If-Match": "*"})
    added = admin("POST", "/companies", json=DRAGON)
    assert added.status_code == 201, added.text
    yield added
    for left in admin.found("Thử Nghiệm"):
        admin("DELETE", f"/companies/{left['id']}", headers={"If-Match": "*"})


def every_replica(admin: Admin, name: str, since: float, *, knows: bool) -> None:
    time.sleep(max(0.0, since + WITHIN - time.monotonic()))
    assert {admin.knows(name) for _ in range(TURNS)} == {knows}


def test_a_company_is_known_by_every_replica_within_seconds(admin: Admin, dragon: httpx.Response) -> None:
    assert len(ready_pods(GATEWAY)) >= 2, "with one replica nothing is shown"
    since = time.monotonic()
    (found,) = admin.found("RXT")
    assert (found["name"], found["origin"], found["ticker_verified"]) == (DRAGON["name"], "added", False)
    every_replica(admin, ALIAS, since, knows=True)


def test_of_two_who_change_it_the_second_is_told(admin: Admin, dragon: httpx.Response) -> None:
    path, etag = f"/companies/{dragon.json()['id']}", dragon.headers["ETag"]
    body = {**DRAGON, "aliases": [OTHER_ALIAS]}
    changed = admin("PUT", path, json=body, headers={"If-Match": etag})
    since = time.monotonic()
    assert changed.status_code == 200, changed.text
    late = admin("PUT", path, json=DRAGON, headers={"If-Match": etag})
    assert (late.status_code, late.json()["detail"]["code"]) == (412, "company_changed")
    assert admin("PUT", path, json=DRAGON).status_code == 428
    every_replica(admin, ALIAS, since, knows=False)
    every_replica(admin, OTHER_ALIAS, since, knows=True)


def test_the_registry_is_exchanged_as_csv(admin: Admin, dragon: httpx.Response) -> None:
    file = admin("GET", "/companies.csv")
    assert file.status_code == 200, file.text
    rows = list(csv.DictReader(io.StringIO(file.text)))
    (row,) = [row for row in rows if row["name"] == DRAGON["name"]]
    assert (row["ticker"], row["ticker_verified"], row["origin"]) == ("RXT", "false", "added")
    assert len(rows) > 150

    head, line = "name,aliases,ticker,ticker_verified", "Rồng Vàng Thử Nghiệm,Vàng Thử Nghiệm,RVT,true"
    sent = f"{head}\n{line}\n.,,,\n".encode()
    taken = admin("POST", "/companies.csv", content=sent, headers={"Content-Type": "text/csv"})
    since = time.monotonic()
    assert taken.status_code == 200, taken.text
    answer = taken.json()
    assert (answer["added"], answer["failed"], answer["errors"][0]["line"]) == (1, 1, 3)
    whole = admin("POST", "/companies.csv", content=file.content, headers={"Content-Type": "text/csv"}).json()
    assert (whole["unchanged"], whole["added"], whole["changed"], whole["failed"]) == (len(rows), 0, 0, 0)
    every_replica(admin, "Vàng Thử Nghiệm", since, knows=True)


def test_it_is_kept_when_every_gateway_is_made_anew(admin: Admin, dragon: httpx.Response) -> None:
    kubectl("rollout", "restart", "deployment/veriaidpo-gateway")
    kubectl("rollout", "status", "deployment/veriaidpo-gateway", "--timeout=120s", timeout=130)

    (found,) = admin.found("RXT")
    assert found["id"] == dragon.json()["id"]
    name = str(found["name"])
    eventually(lambda: all(admin.knows(name) for _ in range(TURNS)), "every new replica knows it by name", 30)
    assert admin("GET", "/health").json()["components"]["company_registry"]["kind"] == "postgresql"
