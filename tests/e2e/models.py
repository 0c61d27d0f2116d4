"""Models beside the catalogue's, and a hub that is made to misbehave."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from .cluster import REPO, eventually, get, kubectl

SAMPLE = yaml.safe_load((REPO / "manifests/samples/fourth-model.yaml").read_text())


def sample(name: str, **spec: Any) -> dict[str, Any]:
    """Return a Model like the sample with another name, type and these fields of spec."""
    changed = {"modelType": name.removesuffix("-vi").replace("-", "_"), "aliases": [], **spec}
    return {**SAMPLE, "metadata": {"name": name}, "spec": {**SAMPLE["spec"], **changed}}


def source(repository: str) -> dict[str, str]:
    """Return a source on the demonstration hub."""
    return {"uri": f"hf://{repository}", "revision": "main"}


@contextmanager
def apply_model(resource: dict[str, Any]) -> Iterator[str]:
    """Apply a Model, and remove it with its volume afterwards."""
    name: str = resource["metadata"]["name"]
    kubectl("apply", "-f", "-", stdin=json.dumps(resource))
    try:
        yield name
    finally:
        kubectl("delete", "model", name, "--timeout=60s")
        kubectl("delete", "pvc", f"{name}-model", "--ignore-not-found", "--wait=false")


def hub_pods() -> list[dict[str, Any]]:
    """List the hub's pods."""
    pods: list[dict[str, Any]] = get("pods", "-l", "app.kubernetes.io/component=hub")["items"]
    return pods


@contextmanager
def hub_arguments(*more: str) -> Iterator[None]:
    """Start the hub with further arguments, and as it was afterwards; its counters begin at 0 each time."""
    container = get("deployment", "veriaidpo-hub")["spec"]["template"]["spec"]["containers"][0]
    original = container.get("args", [])
    _set([*original, *more])
    try:
        yield
    finally:
        _set(original)


def _set(arguments: list[str]) -> None:
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": arguments}]
    kubectl("patch", "deployment", "veriaidpo-hub", "--type=json", "-p", json.dumps(patch))
    kubectl("rollout", "status", "deployment/veriaidpo-hub", "--timeout=60s")
    eventually(lambda: len(hub_pods()) == 1, "one hub is left", 60)
