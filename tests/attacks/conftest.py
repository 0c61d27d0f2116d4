"""The frame of an attack: what was tried is counted, and a row of it is written however the test ends."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict

import pytest

from ..tables import ATTACKS
from .rows import Row

Attack = Callable[[str, str], AbstractContextManager[Row]]
"""`attack("M2", "file names that lead out of the folder")`. Inside of its block the row's `tried` and
`got_through` are counted, `figure` and `control` filled in. It passes when something was tried and nothing
got through."""

_rows = pytest.StashKey[dict[str, Row]]()


@pytest.fixture
def attack(request: pytest.FixtureRequest) -> Attack:
    made = request.config.stash.setdefault(_rows, {})

    @contextmanager
    def begin(identity: str, what: str) -> Iterator[Row]:
        assert identity not in made, f"{identity} is another test's row already"
        row = made[identity] = Row(identity, what)
        yield row
        row.got_through = int(row.got_through)  # a comparison counts as one too
        assert row.tried > 0, "nothing was tried"
        assert row.got_through == 0, f"{row.got_through} of {row.tried} got through"
        row.passed = True

    return begin


def pytest_sessionfinish(session: pytest.Session) -> None:
    rows = session.config.stash.get(_rows, {})
    if rows:
        ATTACKS.merge(map(asdict, rows.values()))
