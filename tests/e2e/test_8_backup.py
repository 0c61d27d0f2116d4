"""The namespace is destroyed, and a folder brings it back: keys, companies and every byte."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from .cluster import CLASSIFIERS, DEMO_MODELS, NAMESPACE, REPO, get, hub_bytes, ingress, kubectl, run
from .conftest import Installation
from .traffic import Question

pytestmark = pytest.mark.slow

BASE = "/api/v1/veriaidpo"
COMPANY: dict[str, Any] = {"name": "Công ty Cổ phần Trở Lại Thử Nghiệm", "aliases": ["Trở Lại Thử Nghiệm"]}


def command(name: str, folder: Path, **more: str) -> str:
    """Type what docs/backup.md says."""
    env = (f"{key}={value}" for key, value in more.items())
    return run("env", *env, str(REPO / "hack" / name), str(folder), timeout=900)


def test_a_destroyed_namespace_comes_back(
    installation: Installation, tokens: dict[str, str], questions: list[Question], tmp_path: Path
) -> None:
    admin = {"Authorization": f"Bearer {tokens['admin']}"}
    added = ingress(f"{BASE}/companies", json=COMPANY, headers=admin)
    assert added.status_code in {201, 409}, added.text
    command("backup", tmp_path / "kept", VOLUMES="1")
    kept = {path.name.removesuffix("-model.tar") for path in (tmp_path / "kept/volumes").iterdir()}
    assert kept >= set(DEMO_MODELS)

    run("kubectl", "delete", "namespace", NAMESPACE, "--timeout=240s", timeout=260)
    # As an administrator would have it, before: pods are restricted there.
    run("kubectl", "create", "namespace", NAMESPACE)
    run("kubectl", "label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    command("restore", tmp_path / "kept")
    kubectl("wait", "--for=condition=Ready", "models", "--all", "--timeout=300s", timeout=310)

    found = ingress(f"{BASE}/companies", method="GET", params={"q": "Trở Lại"}, headers=admin)
    assert found.status_code == 200, "tokens of before are believed"
    assert COMPANY["name"] in found.text
    assert sum(hub_bytes(f"veriaidpo-demo/{name}") for name in DEMO_MODELS) == 0
    for question in questions[: 2 * len(CLASSIFIERS)]:
        staff = {"Authorization": f"Bearer {tokens['staff']}"}
        answer = ingress(f"{BASE}/classify", json=question.body, headers=staff)
        assert answer.json().get("category_id") == question.category, answer.text
    names = [str(pod["metadata"]["name"]) for pod in get("pods")["items"]]
    assert [name for name in names if name.startswith("fill-")] == []


def test_a_release_that_is_there_is_not_restored_over(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").touch()
    done = subprocess.run(
        [str(REPO / "hack/restore"), str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "has a release veriaidpo" in done.stderr
