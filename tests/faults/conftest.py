"""The installation and the traffic of the end-to-end suite; on top of them, a load for each group of rows."""

import pytest

from ..e2e.conftest import installation, questions, tokens, traffic
from ..e2e.traffic import Traffic
from .rows import Load

__all__ = ["installation", "questions", "tokens", "traffic"]


@pytest.fixture
def load(traffic: Traffic) -> Load:
    """Return the load of one group of rows, not yet begun."""
    return Load(traffic)
