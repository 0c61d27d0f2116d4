"""The installation of the end-to-end suite, and a load on the other models for each group of rows."""

import pytest

from ..e2e.conftest import TENANTS, Installation, answered, installation, tenant_tokens
from ..e2e.traffic import Question, Traffic
from .rows import Load

__all__ = ["installation"]
_SENTENCES = 5


@pytest.fixture(scope="session")
def tenants(installation: Installation) -> list[str]:
    """Return a token for each of some tenants."""
    return tenant_tokens(TENANTS)


@pytest.fixture(scope="session")
def questions(tenants: list[str]) -> list[Question]:
    """Return sentences for each classifier with the category each gets while nothing is broken."""

    return answered(tenants[0], each=_SENTENCES)


@pytest.fixture
def load(questions: list[Question], tenants: list[str]) -> Load:
    """Return the load of one group of rows, not yet begun."""
    return Load(Traffic(questions, tenants))
