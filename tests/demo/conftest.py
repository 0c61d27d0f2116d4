"""What the tests of the demonstration models share: the repo's files, read as they are. No torch here."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
DEMO = REPO / "hack" / "demo"

sys.path.insert(0, str(DEMO))  # the scripts there are no package

from specs import CLASSIFICATION, SPECS, TAGGING, Spec  # noqa: E402


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test for each model it is about: all of them, the classifiers, or the taggers."""
    of_task = {
        name: [spec for spec in SPECS.values() if spec.task == task]
        for name, task in (("classifier", CLASSIFICATION), ("tagger", TAGGING))
    }
    for argument, specs in {"spec": list(SPECS.values()), **of_task}.items():
        if argument in metafunc.fixturenames and argument in metafunc.function.__code__.co_varnames:
            metafunc.parametrize(argument, specs, ids=lambda spec: spec.name)


@pytest.fixture
def folder(spec: Spec) -> Path:
    return DEMO / "models" / spec.name


@pytest.fixture
def config(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="session")
def catalogue() -> dict[str, dict[str, Any]]:
    entries = yaml.safe_load((REPO / "charts/veriaidpo/files/catalogue.yaml").read_text("utf-8"))["models"]
    return {entry["name"]: entry for entry in entries}
