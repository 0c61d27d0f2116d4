"""docs/security.md says of rights and of the log what is so."""

import re
from collections import Counter

import pytest

from veriaidpo_gateway.exchange import Exchange
from veriaidpo_gateway.http.edge import _line
from veriaidpo_gateway.identity import access
from veriaidpo_gateway.identity.access import Caller

from ..documents import REPO

PAGE = (REPO / "docs/security.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the table under a heading, that of the names of columns first."""
    chapter = re.split(rf"^## {heading}$", PAGE, flags=re.MULTILINE)[1].partition("\n## ")[0]
    lines = [line for line in chapter.splitlines() if line.startswith("|") and "---" not in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_rights_is_what_roles_have() -> None:
    (_, _, *roles), *rights = rows("Who may do what")
    assert tuple(roles) == access.ROLES
    said = {
        role: {right.strip("`") for right, _, *marks in rights if marks[place] == "✓"}
        for place, role in enumerate(roles)
    }
    assert said == {role: set(access.of_role(role)) for role in access.ROLES}


@pytest.fixture
def everything() -> Exchange:
    """A request of which there is everything to tell."""
    return Exchange(
        request_id="r",
        started=0.0,
        trace_id="t",
        route="batch-classify",
        status=503,
        code="model_away",
        caller=Caller("u1", "staff", "t1"),
        model="principles-vi",
        revision="5" * 64,
        cached=False,
        items=2,
        failed=1,
        answers=Counter(),
    )


def test_every_field_of_a_requests_line_is_on_the_page(everything: Exchange) -> None:
    fields = {name for cell, _ in rows("What is logged")[1:] for name in re.findall(r"`(\w+)`", cell)}
    assert fields == _line({"type": "http", "method": "POST"}, everything, 0.1).keys()
