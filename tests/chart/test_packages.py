"""Nothing is in an image that nobody can say the purpose of: the design's tables against the lock files."""

import re
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
TABLES = REPO / "docs/design/2026-11-28-what-each-package-is-for.md"
LOCKS = {
    "predictor": "predictors/requirements.txt",
    "gateway": "gateway/requirements.txt",
    "operator": "operator/requirements.txt",
}


def locked(path: str) -> dict[str, set[str]]:
    """What a lock file installs: each package's versions, of which one is taken by the version of Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([a-z0-9-]+)==([^ ;]+)", (REPO / path).read_text("utf-8"), re.MULTILINE
    ):
        found.setdefault(name, set()).add(version)
    return found


def listed(image: str) -> list[str]:
    """What the image's table names: in the first column what is asked for, in the third what comes along."""
    _, _, section = TABLES.read_text("utf-8").partition(f"\n## {image}\n")
    rows = [line.split("|") for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return re.findall(r"`([a-z0-9-]+)`", " ".join(row[1] + row[3] for row in rows))


@pytest.mark.parametrize("image", LOCKS)
def test_each_package_of_an_image_is_listed_once_with_its_purpose(image: str) -> None:
    assert sorted(listed(image)) == sorted(locked(LOCKS[image]))


@pytest.mark.parametrize("image", LOCKS)
def test_what_the_package_asks_for_has_a_row_of_its_own(image: str) -> None:
    project = (REPO / LOCKS[image]).with_name("pyproject.toml").read_text("utf-8")
    _, _, asked = project.partition("\ndependencies = [")
    names = re.findall(r'^\s*"([A-Za-z0-9-]+)', asked.partition("\n]")[0], re.MULTILINE)
    assert names
    _, _, section = TABLES.read_text("utf-8").partition(f"\n## {image}\n")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| \S", section.partition("\n## ")[0], re.MULTILINE)
    assert sorted(rows) == sorted(name.lower() for name in names)


def test_fetch_has_what_it_shares_with_the_predictor_and_what_its_table_names() -> None:
    fetch, common = (locked(f"predictors/requirements-{kind}.txt") for kind in ("fetch", "common"))
    assert fetch.keys() - common.keys() == set(listed("fetch")) - common.keys()
    assert set(listed("fetch")) <= fetch.keys()


def test_what_images_share_has_one_version() -> None:
    """Another one would be installed over the common layer, and both be in the image."""
    common = locked("predictors/requirements-common.txt")
    for kind in ("", "-fetch"):
        whole = locked(f"predictors/requirements{kind}.txt")
        assert {name: whole[name] for name in common} == common
