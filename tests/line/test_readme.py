"""The README's first commands, typed as they stand there; those for a cluster are typed by tests/e2e."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

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
    suite = (REPO / "hack/e2e").read_text() + (REPO / "hack/on_cluster.sh").read_text()
    for target in ("cluster", "images"):
        (command,) = subprocess.run(
            ["make", "--dry-run", "--silent", target], cwd=REPO, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert command in suite, command


def test_the_demo_serves_and_the_commands_it_prints_work(tmp_path: Path) -> None:
    output = tmp_path / "output"
    # Only where it listens and keeps its files is not as a person has it: somebody may be using those.
    environment = os.environ | {"PORT": str(free_port()), "STATE": str(tmp_path / "state")}
    with output.open("w") as file:
        demo = subprocess.Popen(
            ["bash", "-c", DEMO], cwd=REPO, env=environment, stdout=file, start_new_session=True
        )
    try:
        printed = _printed(output, demo)
        said = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", printed],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        assert '"prediction":' in said
        assert '"model":' in said or '"models":' in said
        assert '"status":"healthy"' in said.replace(" ", "")
    finally:
        os.killpg(demo.pid, signal.SIGINT)
        # How make says that it was interrupted.
        assert demo.wait(30) in {0, 2, 130, -signal.SIGINT}


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
