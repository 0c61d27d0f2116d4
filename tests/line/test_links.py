"""Links between pages lead somewhere, and the README names every page."""

import re
from functools import cache
from pathlib import Path

import pytest

from ..documents import REPO

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "docs/design/*.md", "charts/*/README.md")
    for path in REPO.glob(pattern)
)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@cache
def anchors(page: Path) -> frozenset[str]:
    """Give what a link may name in a page, as GitHub makes it of headings: small, hyphens for spaces."""
    headings = re.findall(r"^#+ (.*)$", _FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", _FENCED.sub("", page.read_text("utf-8")))
    for link in links:
        if re.match(r"https?:|mailto:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def test_the_readme_names_every_page() -> None:
    table = (REPO / "README.md").read_text("utf-8").partition("## What is where")[2]
    named = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", table))
    assert named == {str(path.relative_to(REPO)) for path in (REPO / "docs").glob("*.md")}
