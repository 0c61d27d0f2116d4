"""A fetch as the operator's Job runs it: a spec, an environment, a volume."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_predictor.fetching import fetch as fetching
from veriaidpo_predictor.fetching.collecting import Keep

DEMO = Path(__file__).parents[3] / "hack/demo/models"
MODEL = "principles-vi"


@dataclass(frozen=True)
class Ended:
    """How a fetch ended; `said` is its last line."""

    code: int
    said: dict[str, Any]

    @property
    def published(self) -> bool:
        return self.code == 0


Fetch = Callable[..., Ended]


@pytest.fixture
def files() -> dict[str, bytes]:
    """A model that is served as it is: a demonstration model with its graph."""
    folder = DEMO / MODEL
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {"README.md", "model.safetensors"}
    }


@pytest.fixture
def demo_model() -> Path:
    return DEMO / MODEL


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    return tmp_path / "mnt" / "volume"


@pytest.fixture
def fetch(volume: Path, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetch:
    """Fetch hf://demo/tiny from a hub, or what `source` names."""
    config = json.loads(files["config.json"])
    names = [config["id2label"][str(number)] for number in range(len(config["id2label"]))]
    labels = [{"id": f"label-{number}", "en": name, "vi": name} for number, name in enumerate(names)]

    def run(
        endpoint: str = "",
        *,
        name: str = "tiny",
        root: Path = volume,
        source: dict[str, Any] | None = None,
        keep: dict[str, Any] | None = None,
        **environment: str,
    ) -> Ended:
        spec = {
            "name": name,
            "modelType": "principles",
            "language": "vi",
            "labels": labels,
            "source": source or {"uri": "hf://demo/tiny"},
        }
        asked, said = tmp_path / "spec.json", tmp_path / "said.json"
        asked.write_text(json.dumps(spec), encoding="utf-8")
        with monkeypatch.context() as patch:
            for variable, value in {
                "HF_ENDPOINT": endpoint,
                "TERMINATION_LOG": str(said),
                **environment,
            }.items():
                patch.setenv(variable, value)
            code = fetching.run(
                str(asked), root=root, progress_port=None, attempts=1, keep=Keep(**(keep or {}))
            )
        return Ended(code, json.loads(said.read_bytes()))

    return run
