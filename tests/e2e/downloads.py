"""A slow download: the points on its way at which something may happen, and all Jobs made for it."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .cluster import NAMESPACE, condition, get
from .parts import owned

REPOSITORY = "veriaidpo-demo/legal-basis-vi"
BYTES_PER_SECOND = 60_000
"""Three quarters of a minute for this model, so that something can happen in the middle."""


def percent(model: str) -> int:
    """Return how much of a Model's download is there, as its status says."""
    return int(get("model", model).get("status", {}).get("download", {}).get("percent", 0))


def stages(model: str) -> list[tuple[str, Callable[[], object]]]:
    """Return the points on the way of a download, each with what tells that it is reached."""
    return [
        ("when the Model is there", lambda: get("model", model)),
        ("when its Job is there", lambda: get("jobs", "-l", owned(model))["items"]),
        ("when bytes come", lambda: percent(model) >= 5),
        ("in the middle of the download", lambda: percent(model) >= 50),
        (
            "when the revision is on the volume",
            lambda: condition(model, "Downloaded").get("status") == "True",
        ),
    ]


@contextmanager
def every_job_ever(model: str) -> Iterator[set[str]]:
    """Collect the UIDs of all Jobs that are made for a Model while the block runs."""
    seen: set[str] = set()
    command = ["kubectl", "--namespace", NAMESPACE, "get", "jobs", "--watch", "--output"]
    line = "jsonpath={.metadata.name} {.metadata.uid}{'\\n'}"
    with subprocess.Popen([*command, line], stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout
        yield seen
        watch.terminate()
        words = [line.split() for line in watch.stdout]
        seen.update(uid for name, uid in words if name.startswith(f"{model}-fetch-"))
