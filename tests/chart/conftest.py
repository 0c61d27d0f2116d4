"""Renders the chart with the real helm; each test says with which values."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
CHART = REPO / "charts/veriaidpo"
sys.path.insert(0, str(REPO / "hack/tools"))  # scripts, and no package


class RenderError(AssertionError):
    """Helm refused; the text is what a user would read."""


def helm(*arguments: str, stdin: str | None = None) -> str:
    """Run helm, return its output; RenderError with its words otherwise."""
    command = [str(REPO / "hack/helm"), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RenderError(done.stderr)
    return done.stdout


def render(*settings: str, release: str = "veriaidpo", values: Path | None = None) -> list[dict[str, Any]]:
    """Return the objects that `helm template` makes with these --set settings, and a file of values."""
    flags = [flag for setting in settings for flag in ("--set", setting)]
    flags += ["--values", str(values)] if values is not None else []
    text = _template(release, str(CHART), "--namespace", "aidpo", *flags)
    return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]


def notes(*settings: str) -> str:
    """Return what a person is told after an installation with these --set settings."""
    flags = [flag for setting in settings for flag in ("--set", setting)]
    return helm("install", "veriaidpo", str(CHART), "--dry-run=client", *flags).split("NOTES:")[1]


@cache
def _template(*arguments: str) -> str:
    """Give what `helm template` says; many tests look at the same."""
    return helm("template", *arguments)


SHAPES = {
    path.name.removesuffix("-values.yaml"): path for path in sorted((CHART / "ci").glob("*-values.yaml"))
}
"""The values of each installation that is supported."""


def shape(name: str, release: str = "veriaidpo") -> list[dict[str, Any]]:
    """Return the objects of a supported installation, or of one without a word."""
    return render(values=SHAPES.get(name), release=release)


def kinds(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return those of one kind."""
    return [item for item in objects if item["kind"] == kind]


def pods(objects: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the name and the spec of every pod of it, that of `helm test` too."""
    bare = [(item["metadata"]["name"], item["spec"]) for item in kinds(objects, "Pod")]
    made = [
        (item["metadata"]["name"], item["spec"]["template"]["spec"])
        for item in objects
        if item["kind"] in {"Deployment", "Job", "StatefulSet", "DaemonSet"}
    ]
    assert bare, "helm test has one"
    assert len(made) >= 2
    return made + bare


@pytest.fixture(params=["default", *SHAPES])
def installation(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """Return each supported installation, and the one without a word."""
    return shape(request.param)


@pytest.fixture(scope="session")
def demo() -> list[dict[str, Any]]:
    """Return everything the chart can bring at once."""
    return render("demoHub.enabled=true")
