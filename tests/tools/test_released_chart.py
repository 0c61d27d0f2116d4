"""What a release writes into the chart: its changes, and images by digest."""

from collections.abc import Callable
from types import ModuleType

import pytest
import yaml

CHANGELOG = """
## Unreleased

## 2.0.0 - 2026-12-01

### Added
- Chart: a value of [one's own](docs/configure.md). More about it.
- Of two
  lines "quoted": `x`.

### Fixed
- What was wrong.

## 1.0.0 - 2026-11-01

### Added
- Everything.
"""
ABOUT = "annotations:\n  artifacthub.io/images: |\n    - name: hub\n      image: veriaidpo-hub:2.0.0\n"
VALUES = """
hub: {image: {repository: veriaidpo-hub, tag: "", digest: ""}}
redis: {image: {repository: redis, tag: "8", digest: ""}}
"""
DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture
def chart(tool: Callable[[str], ModuleType]) -> ModuleType:
    return tool("released_chart")


def changes(about: str) -> object:
    return yaml.safe_load(yaml.safe_load(about)["annotations"]["artifacthub.io/changes"])


def test_changes_are_the_chapters_each_with_its_first_sentence(chart: ModuleType) -> None:
    assert changes(chart.with_changes(ABOUT, CHANGELOG, "2.0.0")) == [
        {"kind": "added", "description": "Chart: a value of one's own."},
        {"kind": "added", "description": 'Of two lines "quoted": `x`.'},
        {"kind": "fixed", "description": "What was wrong."},
    ]


def test_changes_take_the_place_of_those_of_before(chart: ModuleType) -> None:
    before = chart.with_changes(ABOUT, CHANGELOG, "1.0.0")
    assert chart.with_changes(before, CHANGELOG, "2.0.0") == chart.with_changes(ABOUT, CHANGELOG, "2.0.0")


def test_a_version_without_a_change_is_refused(chart: ModuleType) -> None:
    with pytest.raises(chart.RefusedError, match="no change under 3"):
        chart.with_changes(ABOUT, CHANGELOG, "3.0.0")


def test_images_are_named_by_digest(chart: ModuleType) -> None:
    values, about = chart.with_digests(VALUES, ABOUT, {"veriaidpo-hub": DIGEST, "redis": DIGEST})
    found = yaml.safe_load(values)
    assert found["hub"]["image"]["digest"] == found["redis"]["image"]["digest"] == DIGEST
    assert (found["redis"]["image"]["tag"], f"image: veriaidpo-hub@{DIGEST}\n" in about) == ("8", True)


def test_one_of_others_may_stay_as_it_is(chart: ModuleType) -> None:
    values, _ = chart.with_digests(VALUES, ABOUT, {"veriaidpo-hub": DIGEST})
    assert yaml.safe_load(values)["redis"]["image"]["digest"] == ""


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("", "no digest of veriaidpo-hub"),
        (f"redis {DIGEST}", "no digest of veriaidpo-hub"),
        (f"veriaidpo-hub {DIGEST}\nveriaidpo-hob {DIGEST}", "no image veriaidpo-hob"),
        ("veriaidpo-hub sha256:12", "is no line such as"),
        ("veriaidpo-hub", "is no line such as"),
    ],
)
def test_a_digest_that_is_missing_or_nobodys_is_refused(chart: ModuleType, lines: str, why: str) -> None:
    with pytest.raises(chart.RefusedError, match=why):
        chart.with_digests(VALUES, ABOUT, chart.digests_of(lines))
