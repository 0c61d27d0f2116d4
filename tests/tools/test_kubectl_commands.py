"""hack/tail and hack/token, by what they ask kubectl."""

import os
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (
            ["tail"],
            "--namespace veriaidpo logs --selector app.kubernetes.io/part-of=veriaidpo --all-containers ",
        ),
        (
            ["tail", "gateway", "operator"],
            "app.kubernetes.io/part-of=veriaidpo,app.kubernetes.io/component in (gateway,operator)",
        ),
        (
            ["token"],
            "--namespace veriaidpo exec deployment/veriaidpo-gateway -- veriaidpo-gateway token --role staff",
        ),
        (["token", "viewer", "--hours", "1"], "token --role viewer --hours 1"),
    ],
)
def test_what_is_asked(tmp_path: Path, command: list[str], asked: str) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/sh\necho "$*"\n')
    kubectl.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    typed = [str(REPO / "hack" / command[0]), *command[1:]]
    done = subprocess.run(typed, env=environment, capture_output=True, text=True, check=True)
    assert asked in done.stdout
