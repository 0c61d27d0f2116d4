"""Whoever reads a reason in `kubectl get models` finds it in the runbook."""

from pathlib import Path

import pytest

from veriaidpo_operator.reasons import Reason

RUNBOOK = Path(__file__).resolve().parents[2] / "docs/operate.md"


@pytest.mark.parametrize("reason", list(Reason))
def test_the_runbook_has_it(reason: Reason) -> None:
    assert f"`{reason}`" in RUNBOOK.read_text()
