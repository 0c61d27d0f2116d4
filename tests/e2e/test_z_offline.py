"""A cluster that has none of the images is handed one signed file: what `load` prints then installs from it.

The images come back with the file: what other tests need is there afterwards.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..documents import commands
from ..tables import kept
from .cluster import (
    CATALOGUE,
    CHART,
    CLASSIFIERS,
    classify,
    eventually,
    get,
    helm,
    kubectl,
    provider,
    run,
)
from .conftest import FIVE_MINUTES, remove_everything, token
from .page import typed

pytestmark = pytest.mark.slow

MADE, BROUGHT = commands("docs/install.md", "Without a way out")
ARCHIVE = "veriaidpo.tar"


def needed() -> set[str]:
    """Return the images that the chart runs, and those that the operator starts."""
    rendered = helm("template", "veriaidpo", str(CHART), "--set", "demoHub.enabled=true")
    return set(re.findall(r"(?: image: |name: (?:FETCH|PREDICTOR)_IMAGE, value: )([^\s}]+)", rendered))


def there() -> set[str]:
    """Return the names of the images that the node says it has, without the registry's."""
    names = (
        name
        for item in get("nodes")["items"]
        for image in item["status"]["images"]
        for name in image.get("names") or ()  # one that lost its last name has none
    )
    return {name.removeprefix("docker.io/library/") for name in names}


@contextmanager
def taken_away(images: set[str]) -> Iterator[None]:
    """Take images out of the cluster; put them back where the block does not."""
    try:
        for image in images:
            provider("remove", image)
        eventually(lambda: not images & there(), "the node has none of them", 120)
        yield
    except BaseException:
        for image in images:
            provider("load", image)
        raise


@pytest.fixture
def empty() -> Iterator[None]:
    """Leave nothing installed, before and after."""
    remove_everything()
    yield
    remove_everything()


@pytest.mark.usefixtures("empty")
def test_one_file_is_all_that_a_cluster_needs(tmp_path: Path) -> None:
    began = time.monotonic()
    typed(tmp_path, *MADE)
    made = time.monotonic() - began
    images = needed()
    assert {"redis:8", "postgres:17"} < images
    with taken_away(images):
        began = time.monotonic()
        said = typed(tmp_path, *BROUGHT)
        loaded = time.monotonic() - began
    size = (tmp_path / ARCHIVE).stat().st_size
    (tmp_path / ARCHIVE).unlink()
    assert "every byte is the signer's" in said
    (command,) = (line for line in said.splitlines() if line.startswith("helm install "))

    began = time.monotonic()
    run("bash", "-c", command, timeout=FIVE_MINUTES + 10)
    kubectl("wait", "--for=condition=Ready", "models", "--all", "--timeout=300s", timeout=FIVE_MINUTES + 10)
    installed = time.monotonic() - began
    staff = token("staff")
    for model in (CATALOGUE[name] for name in CLASSIFIERS):
        golden = model["goldenSentences"][0]
        answer = classify(golden["text"], model["modelType"], model["language"], staff)
        assert answer.status_code == 200, answer.text
        assert model["labels"][answer.json()["category_id"]]["id"] == golden["label"]
    with kept("operations") as body:
        body["offline"] = {
            "archive_mb": round(size / 1e6),
            "make_seconds": round(made),
            "load_seconds": round(loaded),
            "install_seconds": round(installed),
        }
