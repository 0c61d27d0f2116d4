"""Gateways start anew for what they read at their start alone, and for nothing that they follow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import kinds, render
from .pretend_cluster import Cluster, pretend_cluster

OWN = (
    "gateway.existingSecret=keys",
    "gateway.serviceKey.existingSecret=service-key",
    "gateway.serviceKey.trustConfigMap=service-trust",
    "redis.enabled=false",
    "redis.existingSecret=redis",
    "postgresql.enabled=false",
    "postgresql.existingSecret=database",
)
RECORDS = (*OWN, "records.existingSecret=records", "records.databaseSecret=record-database")
HELD = {
    "keys": {"jwt-secret-key": "j", "cache-key": "c"},
    "service-key": {"tls.key": "s", "tls.crt": "t"},
    "redis": {"redis-url": "redis://r"},
    "database": {"database-url": "postgresql://d"},
    "records": {"hash-key": "h", "tls.key": "k"},
    "record-database": {"database-url": "postgresql://e"},
    "veriaidpo-gateway": {"jwt-secret-key": "j", "cache-key": "made"},
    "veriaidpo-postgresql": {"postgres-password": "p", "database-url": "postgresql://made"},
    "veriaidpo-redis": {"redis-password": "p", "admin-password": "a"},
    "veriaidpo-service-key": {"tls.key": "k", "tls.crt": "c"},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder: Path = tmp_path_factory.mktemp("cluster")
    with pretend_cluster(folder) as one:
        yield one


@pytest.fixture
def cluster(running: Cluster) -> Cluster:
    """Return a cluster with the Secrets that people bring, and those that the chart made."""
    running.secrets = {name: dict(data) for name, data in HELD.items()}
    return running


def template_of_gateways(objects: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = (
        item for item in kinds(objects, "Deployment") if item["metadata"]["name"] == "veriaidpo-gateway"
    )
    template: dict[str, Any] = found["spec"]["template"]
    return template


def pods(cluster: Cluster, *settings: str) -> dict[str, Any]:
    """Return the template of gateways' pods, by which Kubernetes knows whether they start anew."""
    return template_of_gateways(cluster.render(*settings))


@pytest.mark.parametrize(
    ("settings", "secret", "key"),
    [
        (OWN, "keys", "cache-key"),
        (OWN, "database", "database-url"),
        (OWN, "service-key", "tls.key"),
        (RECORDS, "record-database", "database-url"),
        (RECORDS, "records", "hash-key"),
        (RECORDS, "records", "tls.key"),
    ],
)
def test_what_is_read_once_has_them_start_anew(
    cluster: Cluster, settings: tuple[str, ...], secret: str, key: str
) -> None:
    before = pods(cluster, *settings)
    cluster.secrets[secret][key] = "another"
    after = pods(cluster, *settings)
    assert after != before
    del before["metadata"]["annotations"]["checksum/keys"], after["metadata"]["annotations"]["checksum/keys"]
    assert after == before


@pytest.mark.parametrize(
    ("settings", "secret", "key"),
    [
        (OWN, "redis", "redis-url"),
        (RECORDS, "service-key", "tls.key"),
        ((), "veriaidpo-gateway", "cache-key"),
        ((), "veriaidpo-postgresql", "database-url"),
    ],
)
def test_what_is_followed_or_rotated_by_the_charts_own_command_has_not(
    cluster: Cluster, settings: tuple[str, ...], secret: str, key: str
) -> None:
    before = pods(cluster, *settings)
    cluster.secrets[secret][key] = "another"
    assert pods(cluster, *settings) == before


def test_the_same_keys_render_the_same_and_say_nothing_of_them(cluster: Cluster) -> None:
    twice = [pods(cluster, *RECORDS)["metadata"]["annotations"] for _ in range(2)]
    assert twice[0] == twice[1]
    assert len(twice[0]["checksum/keys"]) == 64


def test_nobody_can_try_passwords_by_it(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cluster, "version", lambda *_: "7")
    before = pods(cluster, *OWN)
    cluster.secrets["database"]["database-url"] = "postgresql://another"
    assert pods(cluster, *OWN) == before


def test_the_first_upgrade_finds_what_the_chart_made_and_leaves_gateways_alone(cluster: Cluster) -> None:
    cluster.secrets = {}
    first = pods(cluster)
    cluster.secrets = {name: dict(data) for name, data in HELD.items()}
    assert pods(cluster) == first


def test_a_key_that_is_not_there_yet_stops_nobody(cluster: Cluster) -> None:
    cluster.secrets = {}
    assert "annotations" not in pods(cluster, *RECORDS)["metadata"]


def test_without_a_look_into_the_cluster_there_is_nothing_to_tell() -> None:
    assert "annotations" not in template_of_gateways(render(*RECORDS))["metadata"]


def test_annotations_of_ones_own_stand_beside_it_and_count_before_it(cluster: Cluster) -> None:
    beside = pods(cluster, *OWN, "gateway.podAnnotations.team=privacy")["metadata"]["annotations"]
    assert beside.keys() == {"team", "checksum/keys"}
    instead = pods(cluster, *OWN, "gateway.podAnnotations.checksum/keys=mine")["metadata"]["annotations"]
    assert instead == {"checksum/keys": "mine"}
