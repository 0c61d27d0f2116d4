"""The Redis and the PostgreSQL that the chart brings: small, and with their data where it belongs."""

from typing import Any

import pytest

from ..documents import redis_rights
from .conftest import kinds, render


def found(kind: str, name: str, *settings: str) -> dict[str, Any]:
    (item,) = (i for i in kinds(render(*settings), kind) if i["metadata"]["name"] == f"veriaidpo-{name}")
    return item


def test_redis_keeps_nothing_on_disk_and_no_more_in_memory_than_it_may() -> None:
    settings = found("Secret", "redis", "redis.maxMemory=48mb")["stringData"]["redis.conf"].split("\n")
    assert {'save ""', "appendonly no", "maxmemory 48mb", "maxmemory-policy allkeys-lru"} <= set(settings)


def users(*settings: str) -> dict[str, set[str]]:
    lines = found("Secret", "redis", *settings)["stringData"]["redis.conf"].splitlines()
    words = [line.split() for line in lines if line.startswith("user ")]
    return {name: set(rules) for _, name, *rules in words}


def test_gateways_may_do_what_the_docs_say_they_need_and_nothing_else_in_redis() -> None:
    rights = {rule for rule in users()["default"] if rule[0] in "~+&"}
    assert rights == set(redis_rights()) - {"+role"}, "which is for those that Sentinels watch"


def test_redis_is_administered_with_a_password_that_only_its_own_pod_is_shown() -> None:
    secret = found("Secret", "redis")["stringData"]
    assert users().keys() == {"default", "admin"}
    assert f">{secret['admin-password']}" in secret["redis.conf"]
    assert secret["admin-password"] not in secret["redis-url"]
    volumes = found("Deployment", "gateway")["spec"]["template"]["spec"]["volumes"]
    (mounted,) = (one["secret"] for one in volumes if one["name"] == "redis")
    assert [item["key"] for item in mounted["items"]] == ["redis-url"]


def test_changed_settings_of_redis_make_a_new_pod() -> None:
    def checksum(*settings: str) -> str:
        template = found("Deployment", "redis", *settings)["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/settings"])

    assert checksum() == checksum()
    assert checksum() != checksum("redis.maxMemory=48mb")
    assert checksum() == checksum("redis.podAnnotations.a=b"), "nothing of it is a setting of Redis"


def test_postgresql_has_a_volume_that_outlives_it() -> None:
    spec = found("StatefulSet", "postgresql", "postgresql.storage.storageClassName=fast")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert "persistentVolumeClaimRetentionPolicy" not in spec, "kept, as Kubernetes does by itself"


def test_by_itself_it_holds_millions_of_records() -> None:
    (claim,) = found("StatefulSet", "postgresql")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"] == {"requests": {"storage": "8Gi"}}


def test_postgresql_says_goodbye_to_its_clients_itself() -> None:
    (container,) = found("StatefulSet", "postgresql")["spec"]["template"]["spec"]["containers"]
    assert container["lifecycle"]["preStop"] == {"exec": {"command": ["pg_ctl", "stop", "-m", "fast"]}}


@pytest.mark.parametrize(("store", "port"), [("redis", 6379), ("postgresql", 5432)])
def test_a_store_is_reached_by_its_service(store: str, port: int) -> None:
    service = found("Service", store)["spec"]
    assert [one["port"] for one in service["ports"]] == [port]
    kind = "Deployment" if store == "redis" else "StatefulSet"
    labels = found(kind, store)["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()


@pytest.mark.parametrize("store", ["redis", "postgresql"])
def test_a_store_of_ones_own_leaves_nothing_of_the_charts(store: str) -> None:
    objects = render(f"{store}.enabled=false", f"{store}.existingSecret=mine")
    assert [item for item in objects if item["metadata"]["name"].endswith(f"-{store}")] == []
