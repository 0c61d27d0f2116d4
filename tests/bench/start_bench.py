"""How long a predictor takes from its pod's start to Ready, its model being of PhoBERT-base's size.

    python -m bench.start_bench

On the installed product: the InferenceService of one of its Models, as the operator made it, with another
model on another claim. Into build/bench.json under `start`, and into docs/performance.md.
"""

import copy
import json
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bench import cluster_bench, figures, measured_model
from e2e.cluster import NAMESPACE, eventually, get, kubectl
from e2e.parts import predictor, ready_pods
from tables import REPO

MODEL = "principles-vi"
"""Whose InferenceService is taken for a pattern."""

NAME = measured_model.NAME
ROUNDS = 5
_ROOT = "/mnt/models"
_TICKS = 100
"""Of the kernel's clock in a second, on every machine that runs this."""


def resource(pattern: dict[str, Any], revision: Path) -> dict[str, Any]:
    """Return an InferenceService like the pattern that serves the revision from the claim NAME."""
    made = copy.deepcopy(pattern)
    known = made["metadata"]  # the operator's own labels are left out: it has no child more
    labels = {k: v for k, v in known["labels"].items() if not k.startswith("veriaidpo.")}
    annotations = {k: v for k, v in known.get("annotations", {}).items() if k.startswith("serving.")}
    made["metadata"] = {"name": NAME, "labels": labels, "annotations": annotations}
    del made["status"]
    (container,) = made["spec"]["predictor"]["containers"]
    container["args"][1] = f"{_ROOT}/models/{NAME}/revisions/{revision.name}"
    for probe in ("readinessProbe", "startupProbe"):
        container[probe]["httpGet"]["path"] = f"/v2/models/{NAME}/ready"
    for volume in made["spec"]["predictor"]["volumes"]:
        if "persistentVolumeClaim" in volume:
            volume["persistentVolumeClaim"]["claimName"] = NAME
    return made


def loader(served: dict[str, Any]) -> dict[str, Any]:
    """Return a pod that does nothing, with the claim to be written to."""
    spec = copy.deepcopy(served["spec"]["predictor"])
    (container,) = spec["containers"]
    mount = {"name": "models", "mountPath": _ROOT}
    kept = {key: container[key] for key in ("image", "imagePullPolicy", "securityContext")}
    volume = {"name": "models", "persistentVolumeClaim": {"claimName": NAME}}
    sleeps = {"name": "loader", "command": ["sleep", "600"], "volumeMounts": [mount], **kept}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{NAME}-loader"},
        "spec": {
            "containers": [sleeps],
            "volumes": [volume],
            "securityContext": spec["securityContext"],
            "terminationGracePeriodSeconds": 0,
        },
    }


def load(revision: Path, served: dict[str, Any]) -> None:
    """Bring the revision's bytes onto the claim."""
    kubectl("apply", "-f", "-", stdin=json.dumps(loader(served)))
    kubectl("wait", "--for=condition=Ready", f"pod/{NAME}-loader", "--timeout=60s")
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(revision, f"models/{NAME}/revisions/{revision.name}")
        packed.seek(0)
        unpack = ["exec", "-i", f"{NAME}-loader", "--", "tar", "xf", "-", "-C", _ROOT]
        subprocess.run(["kubectl", "--namespace", NAMESPACE, *unpack], stdin=packed, check=True, timeout=240)
    kubectl("delete", "pod", f"{NAME}-loader", "--wait=true")


@contextmanager
def served(revision: Path) -> Iterator[None]:
    """Serve the revision in the cluster while the block runs; nothing of it is left afterwards."""
    service = resource(get("inferenceservice", MODEL), revision)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "400Mi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": NAME}, "spec": spec}
    kubectl("apply", "-f", "-", stdin=json.dumps(claim))
    try:
        load(revision, service)
        kubectl("apply", "-f", "-", stdin=json.dumps(service))
        eventually(lambda: ready_pods(predictor(NAME)), "the predictor is ready", 120)
        yield
    finally:
        kubectl("delete", "inferenceservice", NAME, "--ignore-not-found", "--wait=true")
        kubectl("delete", "pod", f"{NAME}-loader", "--ignore-not-found", "--wait=false")
        kubectl("delete", "pvc", NAME, "--wait=false")


def process_seconds(pod: str) -> float:
    """Return the seconds from the start of the pod's first process to its line `model ready`."""
    lines = kubectl("logs", pod, "--timestamps").splitlines()
    ready = next(line.partition(" ")[0] for line in lines if "model ready" in line)
    stat, uptime, now = kubectl(
        "exec", pod, "--", "sh", "-c", "cat /proc/1/stat /proc/uptime; date +%s.%N"
    ).splitlines()
    begun = float(now) - (float(uptime.split()[0]) - int(stat.rpartition(")")[2].split()[19]) / _TICKS)
    return datetime.fromisoformat(ready[:26] + "+00:00").timestamp() - begun


def main() -> None:
    """Start it again and again, and write."""
    cluster_bench.install()
    work = Path(os.environ.get("BENCH_WORK", REPO / "build/bench"))
    work.mkdir(parents=True, exist_ok=True)
    revision = measured_model.revision(measured_model.source(work), work)
    size = sum(file.stat().st_size for file in revision.rglob("*") if file.is_file())
    seconds, process = [], []
    with served(revision):
        for _ in range(ROUNDS):
            seconds.append(cluster_bench.until_ready_again(predictor(NAME)))
            process.append(process_seconds(ready_pods(predictor(NAME))[0]))
            time.sleep(1)
    figures.merge({"start": {"machine": figures.machine(), "ready": seconds, "process": process}})
    what = [
        ["from the deletion of its pod to another one's Ready", figures.spread(seconds, "s"), "≤ 10 s"],
        ["of it, from the start of our process to `model ready`", figures.spread(process, "s"), "≤ 3 s"],
    ]
    note = f"int8, {size / 1e6:.0f} MB; {ROUNDS} pods deleted, one after another. "
    note += f"Load of the machine at the end: {os.getloadavg()[0]:.0f}."
    figures.table("start", ["predictor with a model of PhoBERT-base's size", "", "to reach"], what, note=note)
    print(what)


if __name__ == "__main__":
    main()
