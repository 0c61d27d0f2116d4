"""The samples that people copy, and the rendered Models, as a real API server takes them."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from veriaidpo_operator.api import parse

from .conftest import REPO
from .kubectl import Json, kubectl

FILES = sorted((REPO / "manifests/samples").glob("*.yaml")) + sorted(
    (REPO / "manifests/models").glob("*-*.yaml")
)


def taken(body: Json) -> Json:
    """Return what the API server would store; CalledProcessError where it refuses."""
    answer = kubectl(
        *("create", "--dry-run=server", "--validate=strict", "-n", "default", "-f", "-", "-o", "json"),
        stdin=json.dumps(body),
    )
    return dict(json.loads(answer))


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_it_is_taken_as_it_stands_and_understood(path: Path) -> None:
    made = [taken(body) for body in yaml.safe_load_all(path.read_text())]
    models = [parse(body) for body in made if body["kind"] == "Model"]
    assert models
    assert all(len(one.spec.labels) >= 2 for one in models)


@pytest.mark.usefixtures("cluster")
def test_a_field_that_nobody_knows_is_not_dropped_without_a_word() -> None:
    body = yaml.safe_load((REPO / "manifests/samples/source-hf.yaml").read_text())
    body["spec"]["source"]["revison"] = "main"
    with pytest.raises(subprocess.CalledProcessError) as refused:
        taken(body)
    assert "revison" in refused.value.stderr
