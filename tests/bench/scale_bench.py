"""What the operator needs for ever more Models in a namespace: on a real API server, all of them suspended.

    python -m bench.scale_bench [--models 10 100 300] [--seconds 60]

The operator runs as a process of this machine with no more rights than its Role. What it takes to have looked
at every Model once is timed from its start; what it does at rest is counted over some of its rounds. Into
build/operations.json under `scale`, and into docs/scale.md.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apiserver.kubectl import Namespace, eventually, kubectl, model
from apiserver.operator_process import OperatorProcess, restricted_kubeconfig
from bench.figures import machine
from tables import REPO, head, kept, line, replaced

Figures = dict[str, float]

_PAGE = REPO / "docs/scale.md"
_TICK = os.sysconf("SC_CLK_TCK")
_METHODS = ("GET", "POST", "PATCH", "DELETE")
_PATIENCE = 300
_LINEAR = 1.5
"""How much more than in proportion may still be this machine and not the operator."""


def main() -> int:
    """Measure, print as it goes, and write; 1 where something grows more than in proportion."""
    parser = argparse.ArgumentParser(prog="bench.scale_bench", description=__doc__)
    parser.add_argument("--models", type=int, nargs="+", default=[10, 100, 300])
    parser.add_argument("--seconds", type=float, default=60.0, help="at rest, for each number of Models")
    arguments = parser.parse_args()
    kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", str(REPO / "charts/veriaidpo/crds/models.yaml")
    )
    kubectl("wait", "--for=condition=Established", "crd/models.veriaidpo.verisyntra.vn", "--timeout=30s")
    found = {}
    for count in sorted(arguments.models):
        with _namespace() as space:
            found[count] = _measured(space, count, arguments.seconds)
        print(count, found[count], flush=True)
    with kept("operations") as body:
        body["scale"] = {"machine": machine(), "models": found}
    _write(found)
    return 0 if _linear(found) else 1


@contextmanager
def _namespace() -> Iterator[Namespace]:
    space = Namespace(f"scale-{uuid.uuid4().hex[:8]}")
    kubectl("create", "namespace", space.name)
    try:
        yield space
    finally:
        kubectl("delete", "namespace", space.name, "--wait=false")


def _measured(space: Namespace, count: int, seconds: float) -> Figures:
    """Make so many Models, start an operator, and watch it until it knows all of them, and at rest."""
    bodies = [model(f"model-{number}-vi", suspend=True) for number in range(count)]
    listed = {"apiVersion": "v1", "kind": "List", "items": bodies}
    space.kubectl("create", "-f", "-", stdin=json.dumps(listed))
    with tempfile.TemporaryDirectory() as folder:
        operator = OperatorProcess(
            command=[str(REPO / ".venv/operator/bin/python"), "-m", "veriaidpo_operator"],
            kubeconfig=restricted_kubeconfig(space, Path(folder, "kubeconfig")),
            log=Path(folder, "log"),
            settings={"NAMESPACE": space.name, "FETCH_IMAGE": "none:1", "PREDICTOR_IMAGE": "none:1"},
        )
        begun = time.monotonic()
        operator.start()
        try:
            eventually("every Model is known", lambda: _known(space) == count, _PATIENCE)
            planned = time.monotonic() - begun
            time.sleep(20)  # statuses were written, and each of those writes is an event
            return {"planned_seconds": round(planned, 1), **_at_rest(operator, seconds)}
        finally:
            operator.stop()


def _known(space: Namespace) -> int:
    path = "jsonpath={range .items[*]}{.status.conditions[?(@.type=='Ready')].reason}{'\\n'}{end}"
    return space.kubectl("get", "models", "--output", path).split().count("Suspended")


def _at_rest(operator: OperatorProcess, seconds: float) -> Figures:
    began, cpu, calls, looks = (
        time.monotonic(),
        _cpu_seconds(operator.pid),
        _calls(operator),
        _looks(operator),
    )
    time.sleep(seconds)
    took = time.monotonic() - began
    return {
        "calls_a_minute": round((_calls(operator) - calls) / took * 60),
        "looks_a_minute": round((_looks(operator) - looks) / took * 60),
        "cpu_millicores": round((_cpu_seconds(operator.pid) - cpu) / took * 1e3, 1),
        "rss_mb": round(_resident_bytes(operator.pid) / 1e6, 1),
    }


def _calls(operator: OperatorProcess) -> float:
    return sum(operator.metric(f'veriaidpo_operator_api_calls_total{{method="{one}"}}') for one in _METHODS)


def _looks(operator: OperatorProcess) -> float:
    return operator.metric("veriaidpo_operator_look_seconds_count")


def _cpu_seconds(pid: int) -> float:
    after_the_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_the_name[11]) + int(after_the_name[12])) / _TICK


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _linear(found: dict[int, Figures]) -> bool:
    """Tell whether nothing grew by more than the number of Models did."""
    least, most = min(found), max(found)
    bound = most / least * _LINEAR
    return all(
        found[most][what] <= bound * max(found[least][what], 1.0)
        for what in ("planned_seconds", "calls_a_minute", "cpu_millicores", "rss_mb")
    )


def _write(found: dict[int, Figures]) -> None:
    columns = [
        "Models", "all looked at once after a start, s", "looks a minute at rest", "calls a minute",
        "CPU, m", "memory, MB",
    ]  # fmt: skip
    keys = ("planned_seconds", "looks_a_minute", "calls_a_minute", "cpu_millicores", "rss_mb")
    rows = [line([str(count), *(f"{one[key]:g}" for key in keys)]) for count, one in found.items()]
    text = [f"Measured on {machine()}.", "", *head(columns), *rows]
    _PAGE.write_text(replaced(_PAGE.read_text(), "scale", text))


if __name__ == "__main__":
    sys.exit(main())
