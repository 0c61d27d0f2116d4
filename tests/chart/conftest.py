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


@cache
def _template(*arguments: str) -> str:
    """Give what `helm template` says; many tests look at the same."""
    return helm("template", *arguments)


def kinds(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return those of one kind."""
    return [item for item in objects if item["kind"] == kind]


@pytest.fixture(scope="session")
def demo() -> list[dict[str, Any]]:
    """Return everything the chart can bring at once."""
    return render("demoHub.enabled=true")
