"""One installation for the whole suite, on an empty cluster, exactly as the README says."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from .cluster import CHART, NAMESPACE, ROLES, CommandError, helm, kubectl, run


@dataclass(frozen=True)
class Installation:
    """What the first seconds after `helm install` looked like."""

    notes: str
    waited: str  # what `kubectl wait` said that was started in that first second


def remove_everything() -> None:
    """Leave nothing of an earlier run: release, volumes, namespace and the definition."""
    run("kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=180s", timeout=200)
    run("kubectl", "delete", "crd", "models.veriaidpo.verisyntra.vn", "--ignore-not-found", "--timeout=60s")


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """Install the chart with the demonstration hub into a namespace that enforces restricted pods."""
    try:
        run("kubectl", "version")
    except (CommandError, FileNotFoundError) as error:
        pytest.fail(f"no cluster answers ({error}); `make cluster` brings one up, `make e2e` runs this suite")
    if os.environ.get("REUSE"):
        notes = helm("get", "notes", "veriaidpo")
    else:
        remove_everything()
        run("kubectl", "create", "namespace", NAMESPACE)
        run("kubectl", "label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
        notes = helm("install", "veriaidpo", str(CHART), "--set", "demoHub.enabled=true")
    waited = kubectl("wait", "--for=condition=Ready", "models", "--all", "--timeout=300s", timeout=310)
    yield Installation(notes, waited)
    if not (os.environ.get("KEEP") or os.environ.get("REUSE")):
        remove_everything()


@pytest.fixture(scope="session")
def tokens(installation: Installation) -> dict[str, str]:
    """Return a token of each role, made as the installation's notes say."""
    return {
        role: kubectl(
            "exec", "deploy/veriaidpo-gateway", "--", "veriaidpo-gateway", "token", "--role", role
        ).strip()
        for role in ROLES
    }


@pytest.fixture(scope="session")
def catalogue() -> dict[str, dict[str, Any]]:
    """Return the catalogue's entries by name."""
    entries = yaml.safe_load((CHART / "files/catalogue.yaml").read_text())["models"]
    return {entry["name"]: entry for entry in entries}
