"""What a person would type: kubectl and helm against the test cluster, HTTP through its ingress."""

import json
import os
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

REPO = Path(__file__).resolve().parents[2]
CHART = REPO / "charts/veriaidpo"
PROVIDER = str(REPO / "hack/cluster/provider")
NAMESPACE = "veriaidpo"
"""The README's: the suite installs as it is written there."""

HOST = "veriaidpo.local"
BASE = "/api/v1/veriaidpo"
ROLES = ("staff", "auditor", "dpo", "compliance_manager", "admin", "viewer")
CATALOGUE: dict[str, dict[str, Any]] = {
    entry["name"]: entry for entry in yaml.safe_load((CHART / "files/catalogue.yaml").read_text())["models"]
}
DEMO_MODELS = tuple(sorted(CATALOGUE))
CLASSIFIERS = tuple(name for name in DEMO_MODELS if CATALOGUE[name]["task"] == "text-classification")


class CommandError(AssertionError):
    """A command that should have worked did not; the text is what it said."""


def run(*command: str, stdin: str | None = None, timeout: float = 120) -> str:
    """Run a command and return its output; CommandError with its words when it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise CommandError(f"{' '.join(command[:6])} ...: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
    """Run kubectl in the test's namespace."""
    return run("kubectl", "--namespace", NAMESPACE, *arguments, stdin=stdin, timeout=timeout)


def helm(*arguments: str, namespace: str = NAMESPACE, stdin: str | None = None, timeout: float = 300) -> str:
    """Run helm, in the test's namespace unless another is named."""
    return run(str(REPO / "hack/helm"), *arguments, "--namespace", namespace, stdin=stdin, timeout=timeout)


def provider(*arguments: str, timeout: float = 120) -> str:
    """Run a command of whatever provides the test cluster: `node …`, `stop kubelet`, `start` …"""
    return run(PROVIDER, *arguments, timeout=timeout)


def get(*arguments: str) -> dict[str, Any]:
    """Return an object, or a list, as kubectl prints it in JSON."""
    answer: dict[str, Any] = json.loads(kubectl("get", *arguments, "--output", "json"))
    return answer


def condition(model: str, kind: str) -> dict[str, Any]:
    """Return one condition of a Model; an empty one before it is written."""
    conditions = get("model", model).get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind), {})


def wait_ready(*models: str, seconds: int = 180) -> None:
    """Wait as a person would, with kubectl wait."""
    names = [f"models/{model}" for model in models]
    kubectl("wait", "--for=condition=Ready", *names, f"--timeout={seconds}s", timeout=seconds + 10)


def eventually(check: Callable[[], object], what: str, seconds: float = 90) -> None:
    """Ask again until the check holds; AssertionError naming what never came, with the last failure."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            if check():
                return
            last = None
        except (AssertionError, CommandError, httpx.HTTPError) as error:
            last = error
        time.sleep(1)
    raise AssertionError(f"{what}: not within {seconds} s ({last})")


def ingress(
    path: str, *, method: str = "POST", host: str = HOST, authority: Path | None = None, **options: Any
) -> httpx.Response:
    """Send one request through the ingress: by TLS where a file has the one authority that is believed."""
    headers = {"Host": host, **options.pop("headers", {})}
    address = provider("ingress", "https").strip() if authority else os.environ["INGRESS"]
    trust = ssl.create_default_context(cafile=str(authority)) if authority else True
    named = {"sni_hostname": host}  # the address is a number, and the certificate is a name's
    with httpx.Client(verify=trust, timeout=35, trust_env=False) as client:
        return client.request(method, address + path, headers=headers, extensions=named, **options)


def classify(text: str, model_type: str, language: str, token: str) -> httpx.Response:
    """Ask the classification route."""
    body = {"text": text, "model_type": model_type, "language": language}
    return ingress("/api/v1/veriaidpo/classify", json=body, headers={"Authorization": f"Bearer {token}"})


def hub_bytes(repository: str = "", *, namespace: str = NAMESPACE, hub: str = "veriaidpo-hub") -> int:
    """Return how many bytes a hub has sent since it started: of a repository's files, or of all."""
    text = run("kubectl", "get", "--raw", f"/api/v1/namespaces/{namespace}/services/{hub}:8090/proxy/metrics")
    wanted = f'repo="{repository}"' if repository else ""
    lines = [
        line for line in text.splitlines() if line.startswith("hub_bytes_sent_total{") and wanted in line
    ]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines))
