"""The operator as a process of this machine, with no more rights than its Role gives it."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from .kubectl import Namespace, kubectl

REPO = Path(__file__).parents[2]


def chart_role() -> dict[str, Any]:
    """Return the Role that the chart gives the operator: these tests run with no other right."""
    template = "templates/operator/rbac.yaml"
    command = [str(REPO / "hack/helm"), "template", "veriaidpo", str(REPO / "charts/veriaidpo")]
    text = subprocess.run(
        [*command, "--show-only", template], capture_output=True, text=True, check=True
    ).stdout
    return next(dict(item) for item in yaml.safe_load_all(text) if item and item["kind"] == "Role")


def restricted_kubeconfig(namespace: Namespace, file: Path) -> Path:
    """Make a service account with the operator's rights and a kubeconfig for it."""
    name = "operator"
    namespace.kubectl("create", "serviceaccount", name)
    role = {**chart_role(), "metadata": {"name": name}}
    namespace.kubectl("apply", "-f", "-", stdin=json.dumps(role))
    namespace.kubectl(
        "create", "rolebinding", name, f"--role={name}", f"--serviceaccount={namespace.name}:{name}"
    )
    token = namespace.kubectl("create", "token", name).strip()
    config: dict[str, Any] = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["users"] = [{"name": config["contexts"][0]["context"]["user"], "user": {"token": token}}]
    file.write_text(json.dumps(config))
    return file


class OperatorProcess:
    """One operator, which may be stopped, killed and started again."""

    def __init__(self, *, command: list[str], kubeconfig: Path, log: Path, settings: dict[str, str]) -> None:
        self._command = command
        self._kubeconfig = kubeconfig
        self.log = log
        self.settings = settings
        self.port = _free_port()
        self.metrics_port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = os.environ | self.settings
        environment |= {"KUBECONFIG": str(self._kubeconfig), "LIVENESS_PORT": str(self.port)}
        environment["METRICS_PORT"] = str(self.metrics_port)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=environment, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        """The id of the process that runs."""
        assert self._process is not None
        return self._process.pid

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(how)
        code = self._process.wait(timeout=30)
        self._process = None
        return code

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def health(self, seconds: float = 20) -> dict[str, float]:
        """Return the answer of its liveness endpoint."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                    health: dict[str, float] = json.load(answer)
                    return health
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def metric(self, line: str) -> float:
        """Return the value of a sample, named with its labels as it is exported; 0 where there is none."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            told: str = answer.read().decode()
        return sum(float(one.rpartition(" ")[2]) for one in told.splitlines() if one.startswith(f"{line} "))


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
