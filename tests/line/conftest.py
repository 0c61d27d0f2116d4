"""The demonstration as the README has people start it, and another terminal beside it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..documents import REPO, commands
from .test_demo import free_port

TITLE = "VeriAIDPO on Kubernetes"
DEMO, TEST = commands("README.md", TITLE)[0][:2]


@dataclass(frozen=True)
class Demo:
    """The commands that it prints for another terminal, and a folder that is like the repository's."""

    printed: str
    folder: Path

    def type(self, *commands: str) -> str:
        """Type commands one after the other; what all of them said. CalledProcessError for one that fails."""
        typed = "\nsleep 1\n".join(commands)  # nobody types faster
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    output = folder / "output"
    (folder / ".venv").symlink_to(REPO / ".venv")
    # Only where it listens and keeps its files is not as a person has it: somebody may be using those.
    environment = os.environ | {"PORT": str(free_port()), "STATE": str(folder / ".demo")}
    with output.open("w") as file:
        running = subprocess.Popen(
            ["bash", "-c", DEMO], cwd=REPO, env=environment, stdout=file, start_new_session=True
        )
    try:
        yield Demo(_printed(output, running), folder)
    finally:
        os.killpg(running.pid, signal.SIGINT)
        # How make says that it was interrupted.
        assert running.wait(30) in {0, 2, 130, -signal.SIGINT}


def _printed(output: Path, demo: subprocess.Popen[bytes]) -> str:
    """Give the commands that the demo prints for another terminal."""
    deadline = time.monotonic() + 240
    while "Ctrl-C stops everything" not in (said := output.read_text()):
        assert demo.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.2)
    found = re.search(r"In another terminal:\n\n(.*?)\n\nCtrl-C", said, re.DOTALL)
    assert found
    return found[1]
