"""A download goes on whatever happens to the operator: its successor finishes what it began."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .cluster import NAMESPACE, condition, eventually, get, hub_bytes, kubectl, wait_ready
from .models import apply_model, hub_arguments, sample, source
from .parts import OPERATOR, kill, predictor, ready_pods, replaced
from .traffic import Traffic

NAME = "slowly-vi"
REPOSITORY = "veriaidpo-demo/legal-basis-vi"
BYTES_PER_SECOND = 60_000
"""Three quarters of a minute for this model, so that an operator can come and go in the middle."""


def percent() -> int:
    return int(get("model", NAME).get("status", {}).get("download", {}).get("percent", 0))


def jobs() -> list[str]:
    listed = get("jobs", "-l", f"veriaidpo.verisyntra.vn/model={NAME}")["items"]
    return [job["metadata"]["name"] for job in listed]


STAGES: list[tuple[str, Callable[[], object]]] = [
    ("the Model is there", lambda: get("model", NAME)),
    ("its Job is there", jobs),
    ("bytes come", lambda: percent() >= 5),
    ("half of them are there", lambda: percent() >= 50),
    ("the revision is on the volume", lambda: condition(NAME, "Downloaded").get("status") == "True"),
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


def test_the_operator_is_killed_at_each_stage_of_a_download(traffic: Traffic) -> None:
    slowly = sample(NAME, source=source(REPOSITORY))
    with (
        hub_arguments(f"--rate={BYTES_PER_SECOND}"),
        every_job_ever(NAME) as made,
        traffic,
        apply_model(slowly),
    ):
        for what, reached in STAGES:
            eventually(reached, what, 120)
            replaced(OPERATOR, kill(OPERATOR))
        wait_ready(NAME)
        total = get("model", NAME)["status"]["download"]["bytesTotal"]
        assert hub_bytes(REPOSITORY) == total, "every byte was sent once"
        assert len(ready_pods(predictor(NAME))) == 1
    assert traffic.failed() == []
    assert len(made) == 1, "one Job in all"
    kubectl("wait", "--for=condition=Ready", "models", "--all", "--timeout=60s")
