"""What the chart says of itself is what is in the repository, and no more."""

from collections.abc import Iterator
from typing import Any

import yaml

from .conftest import CHART, REPO

ABOUT: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text())


def test_its_licence_is_the_repositorys() -> None:
    assert ABOUT["annotations"]["artifacthub.io/license"] == "Apache-2.0"
    words = (REPO / "LICENSE").read_text().split()
    assert words[:4] == ["Apache", "License", "Version", "2.0,"]


def test_it_names_the_definitions_that_it_brings() -> None:
    (named,) = yaml.safe_load(ABOUT["annotations"]["artifacthub.io/crds"])
    (definition,) = (yaml.safe_load(path.read_text()) for path in (CHART / "crds").glob("*.yaml"))
    spec = definition["spec"]
    assert named["name"] == definition["metadata"]["name"]
    assert named["kind"] == spec["names"]["kind"]
    assert named["version"] in {one["name"] for one in spec["versions"] if one["served"]}


def images(values: Any) -> Iterator[str]:
    """Give each image that values name, with the tag that it has by itself."""
    if isinstance(values, dict):
        if "repository" in values:
            yield f"{values['repository']}:{values['tag'] or ABOUT['appVersion']}"
        for value in values.values():
            yield from images(value)


def test_it_names_every_image_that_its_values_do() -> None:
    named = [one["image"] for one in yaml.safe_load(ABOUT["annotations"]["artifacthub.io/images"])]
    assert sorted(named) == sorted(images(yaml.safe_load((CHART / "values.yaml").read_text())))


def test_what_is_added_to_a_version_that_is_kept_lands_among_its_annotations() -> None:
    text = (CHART / "Chart.yaml").read_text() + "  veriaidpo.verisyntra.vn/commit: abc\n"
    assert yaml.safe_load(text)["annotations"]["veriaidpo.verisyntra.vn/commit"] == "abc"
