"""The operator is killed, is there twice, or has the wrong time."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..e2e.cluster import NAMESPACE, REPO, eventually, get, hub_bytes, kubectl
from ..e2e.downloads import BYTES_PER_SECOND, REPOSITORY, every_job_ever, stages
from ..e2e.models import apply_model, hub_arguments
from ..e2e.parts import OPERATOR, kill, ready_pods, replaced
from .models import like, ready
from .rows import Load

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def scale(replicas: int) -> None:
    kubectl("scale", "deployment/veriaidpo-operator", f"--replicas={replicas}")
    eventually(lambda: len(ready_pods(OPERATOR)) == replicas, f"{replicas} operators", 120)


def test_two_operators_at_once(load: Load) -> None:
    name = "twice-vi"
    with load:
        row = load.row(
            "operator-twice", "two operators run while a Model comes, is fetched and served",
            "one Job, one InferenceService that is not fought over; Ready",
        )  # fmt: skip
        with every_job_ever(name) as made:
            scale(2)
            try:
                row.struck()
                with apply_model(like("consent-vi", name)):
                    ready(name, 300)
                    row.healed()
                    generation = get("inferenceservice", name)["metadata"]["generation"]
                    load.traffic.more(500)
                    unchanged = get("inferenceservice", name)["metadata"]["generation"] == generation
            finally:
                scale(1)
        row.saw(f"{len(made)} Job")
        row.passed = unchanged and len(made) == 1


def test_the_operator_is_killed_at_five_points(load: Load) -> None:
    name = "killed-vi"
    with hub_arguments(f"--rate={BYTES_PER_SECOND}"), load:
        row = load.row(
            "operator-killed", f"the operator is killed {', '.join(what for what, _ in stages(name))}",
            "one Job, every byte sent once, Ready",
        )  # fmt: skip
        with every_job_ever(name) as made, apply_model(like("legal-basis-vi", name)):
            for what, reached in stages(name):
                eventually(reached, what, 180)
                replaced(OPERATOR, kill(OPERATOR))
            row.struck()
            ready(name, 240)
            total = get("model", name)["status"]["download"]["bytesTotal"]
            sent = hub_bytes(REPOSITORY)
            row.saw(f"{sent} bytes sent for {total}")
            row.healed()
        row.saw(f"{len(made)} Job")
        row.passed = sent == total and len(made) == 1


@contextmanager
def operator_with_another_clock(shift: str, folder: Path) -> Iterator[None]:
    """Run the operator outside of the cluster, an hour off, in place of the one inside."""
    (container,) = get("deployment", "veriaidpo-operator")["spec"]["template"]["spec"]["containers"]
    settings = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    environment = os.environ | settings | {"NAMESPACE": NAMESPACE, "LIVENESS_PORT": "18089"}
    environment |= {"METRICS_PORT": "18090"}
    environment |= {"LD_PRELOAD": FAKETIME, "FAKETIME": shift, "DONT_FAKE_MONOTONIC": "1"}
    scale(0)
    try:
        with (folder / "operator.log").open("wb") as log:
            python = str(REPO / ".venv/operator/bin/python")
            process = subprocess.Popen(
                [python, "-m", "veriaidpo_operator"], env=environment, stdout=log, stderr=log
            )
            try:
                yield
                assert process.poll() is None, (folder / "operator.log").read_text()[-2000:]
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)
    finally:
        scale(1)


def test_the_operators_clock_is_an_hour_off(load: Load, tmp_path: Path) -> None:
    assert Path(FAKETIME).exists(), "apt-get install libfaketime"
    with load:
        for name, shift in (("clock-ahead", "+1h"), ("clock-behind", "-1h")):
            row = load.row(
                name, f"the operator's clock is {shift} off while a Model comes, and right again afterwards",
                "Ready; nothing is rolled back or fetched again",
            )  # fmt: skip
            row.struck()
            with apply_model(like("consent-vi", f"{name}-vi")) as model:
                with operator_with_another_clock(shift, tmp_path):
                    ready(model, 300)
                    row.healed()
                status = get("model", model)["status"]
                ready("consent-vi", 60)
                assert not status.get("quarantined")
                assert status["download"]["attempt"] == 1
                row.saw("Ready in the first attempt, no quarantine")
