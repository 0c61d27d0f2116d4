"""What needs a cluster can at least be begun: pages whose commands it types have the blocks it looks for."""

import subprocess
import sys

import pytest

from ..documents import REPO


@pytest.mark.parametrize("suite", ["e2e", "faults"])
def test_every_test_is_found(suite: str) -> None:
    command = [sys.executable, "-m", "pytest", "--quiet", "--collect-only", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"tests/{suite}"], cwd=REPO, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout
