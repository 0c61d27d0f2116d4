"""The library of this product's own operators, built once."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).parents[3]
SETS = ["plain", "avx2", "avx512"]


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, of whatever compiler there is, or of the one that hack/kernels brings."""
    place = tmp_path_factory.mktemp("kernels")
    (place / "lib").mkdir()
    found = {"CXX": "c++"} if shutil.which("c++") else {}
    subprocess.run([str(REPO / "hack/kernels"), str(place)], check=True, env=found | dict(os.environ))
    return place / "lib/veriaidpo_kernels.so"


@pytest.fixture
def with_kernels(kernels: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library, which predictors of this process take."""
    monkeypatch.setenv("VERIAIDPO_KERNELS", str(kernels))
    return kernels


@pytest.fixture(params=SETS)
def chosen(request: pytest.FixtureRequest, with_kernels: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, with one of the instruction sets; where the machine has not that one, with a lesser."""
    monkeypatch.setenv("VERIAIDPO_KERNELS_SET", request.param)
    return with_kernels
