"""Nothing is reported to anybody, and nothing is written: onnxruntime would do both by default."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

# Where it seems to be continuous integration onnxruntime is silent by itself, and this would prove nothing.
_LOUD = "import os; [os.environ.pop(name) for name in list(os.environ) if 'CI' in name or 'BUILD' in name]; "
_LOAD = "s.load(pathlib.Path(sys.argv[1]), labels=3)([[2, 5, 3]])"


def load(revision: Path, home: Path, module: str) -> list[Path]:
    """Load a model in a process whose home is empty; gives what it left there."""
    code = f"{_LOUD}import pathlib, sys; {module}; {_LOAD}"
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", **nowhere}
    subprocess.run([sys.executable, "-c", code, str(revision)], env=environment, check=True, timeout=60)
    return sorted(home.rglob("*"))


def test_loading_a_model_leaves_nothing_behind(revision: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    assert load(revision, tmp_path / "home", "import veriaidpo_predictor.computing.session as s") == []


def test_onnxruntime_would_leave_something_behind(revision: Path, tmp_path: Path) -> None:
    """The negative control: with the switch removed the same process keeps a file for its reports."""
    (tmp_path / "home").mkdir()
    engine = "veriaidpo_predictor.computing"
    loud = f"import {engine}.batching, numpy, onnxruntime; import {engine}.session as s"
    assert load(revision, tmp_path / "home", loud) != []


def test_a_serving_process_writes_nothing_to_its_home(
    serve: Callable[..., Any], revision: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    process = serve(revision, "--no-auth", "--drain", "0", environment={"HOME": str(tmp_path / "home")})
    process.until_ready()
    answer = httpx.post(
        f"{process.url}/v1/models/tiny-en:predict", json={"instances": ["tax"]}, trust_env=False
    )
    assert answer.status_code == 200
    assert process.terminate() == 0
    assert list((tmp_path / "home").rglob("*")) == []
