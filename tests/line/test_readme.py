"""What pages have people type, typed as it stands there; those for a cluster are typed by tests/e2e."""

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


def test_two_commands_do_everything_on_a_bare_machine() -> None:
    assert (DEMO, TEST) == ("make demo", "make test")


def test_the_cluster_is_brought_up_and_filled_as_the_suite_does_it() -> None:
    # tests/e2e types what the README says from `helm install` on; what comes before it, hack/e2e does.
    (typed,) = commands("README.md", "On kind, or without Docker")
    assert typed == ['eval "$(make --silent cluster)"', "make images"]
    assert [typed] == commands("docs/install.md", "A cluster to try it on")
    suite = (REPO / "hack/e2e").read_text() + (REPO / "hack/on_cluster.sh").read_text()
    for target in ("cluster", "images"):
        (command,) = subprocess.run(
            ["make", "--dry-run", "--silent", target], cwd=REPO, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert command in suite, command


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


def test_the_demo_serves_and_the_commands_it_prints_work(demo: Demo) -> None:
    said = demo.type(demo.printed)
    assert '"prediction":' in said
    assert '"model":' in said or '"models":' in said
    assert '"status":"healthy"' in said.replace(" ", "")


def test_the_worked_example_of_decisions_ends_as_the_page_says(demo: Demo) -> None:
    (example, _) = commands("docs/decisions.md", "By hand: a worked example")
    said = demo.type(*example)
    assert '"model_revision":' in said
    assert '"text_hash":' in said
    assert said.splitlines()[-1] == "proven: nothing was removed, changed, added, moved or cut"
    export = demo.folder / "records.ndjson"
    *before, last = export.read_text().splitlines(keepends=True)
    export.write_text("".join(before) + last.replace('"subject":"', '"subject":"x'))
    with pytest.raises(subprocess.CalledProcessError) as failed:
        demo.type(example[-1])
    assert failed.value.returncode == 1
    named, *_, verdict = failed.value.stdout.splitlines()
    assert named.startswith("changed: chain ")
    assert verdict == "NOT PROVEN"


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
