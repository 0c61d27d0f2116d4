"""What the tests of the demonstration models share: the repo's files, read as they are. No torch here."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
DEMO = REPO / "hack" / "demo"
NAMES = ("principles-vi", "legal-basis-vi", "principles-en")

sys.path.insert(0, str(DEMO))  # the scripts there are no package


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(name: str) -> Path:
    return DEMO / "models" / name


@pytest.fixture
def config(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    return found


@pytest.fixture
def entry(name: str) -> dict[str, Any]:
    catalogue = yaml.safe_load((REPO / "charts/veriaidpo/files/catalogue.yaml").read_text("utf-8"))
    (found,) = (entry for entry in catalogue["models"] if entry["name"] == name)
    return dict(found)
