"""What the chart finds in the cluster and keeps, as Helm asks a real API server for it."""

import subprocess

import pytest
import yaml

from .conftest import REPO
from .kubectl import Json, Namespace

NAME = "veriaidpo-postgresql"
POSTGRESQL = "templates/postgresql/postgresql.yaml"
GATEWAY = "templates/gateway/deployment.yaml"


def rendered(namespace: Namespace, *settings: str, kind: str = "StatefulSet", part: str = POSTGRESQL) -> Json:
    """Return what an upgrade would apply of one kind, of a part of the chart."""
    flags = [part for setting in settings for part in ("--set", setting)]
    where = ("--namespace", namespace.name, "--dry-run=server", "--is-upgrade")
    command = [str(REPO / "hack/helm"), "template", "veriaidpo", str(REPO / "charts/veriaidpo")]
    done = subprocess.run(
        [*command, *where, "--show-only", part, *flags],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (found,) = (item for item in yaml.safe_load_all(done.stdout) if item["kind"] == kind)
    return dict(found)


def asked(database: Json) -> Json:
    """Return what the claim of a StatefulSet requests."""
    (claim,) = database["spec"]["volumeClaimTemplates"]
    found: Json = claim["spec"]["resources"]["requests"]
    return found


def applied(database: Json, namespace: Namespace) -> None:
    """Apply it without a pod."""
    namespace.apply({**database, "spec": {**database["spec"], "replicas": 0}})


def test_an_upgrade_keeps_the_size_of_postgresqls_volume_until_its_set_is_removed(
    namespace: Namespace,
) -> None:
    first = rendered(namespace, "postgresql.storage.size=1Gi")
    assert asked(first) == {"storage": "1Gi"}
    applied(first, namespace)
    second = rendered(namespace)
    assert asked(second) == {"storage": "1Gi"}
    applied(second, namespace)
    asked(second)["storage"] = "8Gi"
    with pytest.raises(subprocess.CalledProcessError) as refused:
        applied(second, namespace)
    assert "updates to statefulset spec" in refused.value.stderr
    namespace.kubectl("delete", "statefulset", NAME, "--cascade=orphan")
    third = rendered(namespace, "postgresql.storage.size=32Gi")
    assert asked(third) == {"storage": "32Gi"}
    applied(third, namespace)


def test_gateways_start_anew_for_another_version_of_a_secret_that_was_brought(namespace: Namespace) -> None:
    def pods() -> Json:
        settings = ("gateway.existingSecret=keys",)
        found: Json = rendered(namespace, *settings, kind="Deployment", part=GATEWAY)["spec"]["template"]
        return found

    def keys(cache: str) -> None:
        named = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}}
        namespace.apply({**named, "stringData": {"jwt-secret-key": "j", "cache-key": cache}})

    assert "annotations" not in pods()["metadata"], "nothing was brought yet"
    keys("c")
    first = pods()
    assert first["metadata"]["annotations"].keys() == {"checksum/keys"}
    assert pods() == first
    keys("another")
    assert pods() != first
