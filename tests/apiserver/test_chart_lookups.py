"""What the chart finds in the cluster and keeps, as Helm asks a real API server for it."""

import subprocess

import pytest
import yaml

from .conftest import REPO
from .kubectl import Json, Namespace

NAME = "veriaidpo-postgresql"


def rendered(namespace: Namespace, *settings: str) -> Json:
    """Return the StatefulSet of PostgreSQL that an upgrade would apply."""
    flags = [part for setting in settings for part in ("--set", setting)]
    where = ("--namespace", namespace.name, "--dry-run=server", "--is-upgrade")
    part = ("--show-only", "templates/postgresql/postgresql.yaml")
    command = [str(REPO / "hack/helm"), "template", "veriaidpo", str(REPO / "charts/veriaidpo")]
    done = subprocess.run(
        [*command, *where, *part, *flags], capture_output=True, text=True, check=True, timeout=60
    )
    (found,) = (item for item in yaml.safe_load_all(done.stdout) if item["kind"] == "StatefulSet")
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
