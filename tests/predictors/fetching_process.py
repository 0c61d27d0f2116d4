"""A hub and a fetch as processes, as the operator's Job runs them: a spec, a volume."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_predictor.fetching import fetch as fetching

REPO = Path(__file__).parents[2]
LABELS = [
    {"id": "consent", "en": "Consent", "vi": "Sự đồng ý"},
    {"id": "contract", "en": "Contract", "vi": "Hợp đồng"},
    {"id": "duty", "en": "Duty", "vi": "Nghĩa vụ"},
]


def hub_process(*arguments: str, token: str | None = None) -> tuple["subprocess.Popen[str]", str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "veriaidpo_hub", "--port", "0", *arguments],
        env=os.environ | {"PYTHONPATH": str(REPO / "hack" / "hub"), "HUB_TOKEN": token or ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    found = re.search(r"http://[\d.:]+", process.stdout.readline())
    assert found is not None
    threading.Thread(target=process.stdout.read, daemon=True).start()  # so that its log never fills the pipe
    return process, found[0]


def spec(**changes: Any) -> dict[str, Any]:
    source = {"uri": "hf://demo/tiny", "revision": "main", "files": []} | changes.pop("source", {})
    return {
        "name": "tiny-en",
        "modelType": "tiny",
        "language": "en",
        "task": "text-classification",
        "labels": LABELS,
        "maxTokens": 256,
        "source": source,
        "goldenSentences": [{"text": "We agree.", "label": "consent"}],
    } | changes


class Fetch:
    """Runs a fetch with a volume, in this process or, where it is to be killed or watched, in one of its own.

    Nothing that it says may hold the token.
    """

    def __init__(
        self, volume: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, caplog: Any
    ) -> None:
        self.volume = volume
        self.said = folder / "termination-log"
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self._caplog = caplog

    def environment(self, url: str, asked: dict[str, Any]) -> dict[str, str]:
        return {"HF_ENDPOINT": url, "FETCH_SPEC": json.dumps(asked), "TERMINATION_LOG": str(self.said)}

    def start(self, url: str, asked: dict[str, Any], *options: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "veriaidpo_predictor", "fetch", f"--root={self.volume}", *options],
            env=os.environ | self.environment(url, asked),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process: "subprocess.Popen[str]") -> tuple[int, dict[str, Any]]:
        out, _ = process.communicate(timeout=60)
        return process.returncode, self._said(out)

    def run(
        self,
        url: str,
        asked: dict[str, Any],
        attempts: int = 7,
        *,
        read_only: bool = False,
        **environment: str,
    ) -> tuple[int, dict[str, Any]]:
        with self._monkeypatch.context() as patch:
            for name, value in (self.environment(url, asked) | environment).items():
                patch.setenv(name, value)
            code = fetching.run(
                None, root=self.volume, progress_port=None, attempts=attempts, read_only=read_only
            )
        assert "s3cret" not in self._caplog.text
        return code, self._said(self._capsys.readouterr().out)

    def _said(self, out: str) -> dict[str, Any]:
        said = self.said.read_bytes()
        self.said.unlink()
        assert "s3cret" not in out
        assert len(said) <= 4096
        found: dict[str, Any] = json.loads(said)
        assert json.loads(out) == found
        return found

    def published(self, name: str = "tiny-en") -> list[Path]:
        return sorted((self.volume / "models" / name / "revisions").glob("*"))
