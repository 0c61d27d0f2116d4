"""A second release, of one model in a namespace of its own, goes in every wrong order; the first goes on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..e2e.cluster import CHART, DEMO_MODELS, NAMESPACE, eventually, helm, hub_bytes, run
from .rows import Load

SECOND = f"{NAMESPACE}-second"
RELEASE = "second"
MODEL = "consent-vi"


def second(*arguments: str, timeout: float = 200) -> str:
    return run("kubectl", "--namespace", SECOND, *arguments, timeout=timeout)


def names(kind: str) -> list[str]:
    return second("get", kind, "-o", "name").split()


def install() -> None:
    """Install it with the first one's images, and wait until its model is Ready."""
    values: dict[str, Any] = {
        "image": json.loads(helm("get", "values", "veriaidpo", "--all", "-o", "json"))["image"],
        "demoHub": {"enabled": True},
        "models": {"disabled": [name for name in DEMO_MODELS if name != MODEL]},
        "gateway": {"replicas": 1},
        "postgresql": {"enabled": False},
        "ingress": {"enabled": False},
    }
    helm("install", RELEASE, str(CHART), "--values", "-", namespace=SECOND, stdin=json.dumps(values))
    second("wait", "--for=condition=Ready", f"model/{MODEL}", "--timeout=300s", timeout=310)


def bytes_sent() -> int:
    """Count what the second release's hub has sent since it started."""
    return hub_bytes(namespace=SECOND, hub=f"{RELEASE}-veriaidpo-hub")


@contextmanager
def namespace() -> Iterator[None]:
    run("kubectl", "create", "namespace", SECOND)
    try:
        yield
    finally:
        run("kubectl", "delete", "namespace", SECOND, "--ignore-not-found", "--timeout=180s", timeout=190)


def test_a_release_goes_in_every_order(load: Load) -> None:
    with load, namespace():
        install()
        assert bytes_sent() > 0
        claim = second("get", "pvc", f"{MODEL}-model", "-o", "jsonpath={.metadata.uid}")

        first = load.row(
            "operator-gone-first", "the operator is removed, then its Model",
            "the Model and what serves it go, nothing holds them; the volume stays",
        )  # fmt: skip
        second("delete", "deployment", f"{RELEASE}-veriaidpo-operator", "--timeout=60s")
        first.struck()
        second("delete", "model", MODEL, "--timeout=30s")
        eventually(lambda: not names("inferenceservices") and not names("jobs"), "what it owned goes", 60)
        assert second("get", "pvc", f"{MODEL}-model", "-o", "jsonpath={.metadata.uid}") == claim
        first.healed()

        again = load.row(
            "release-reinstalled", "the release is uninstalled without its operator, and installed again",
            "Ready with the volume that was kept; not a byte is downloaded",
        )  # fmt: skip
        again.control = f"{bytes_sent()} bytes were sent for the first installation"
        helm("uninstall", RELEASE, "--wait", "--timeout", "3m", namespace=SECOND)
        again.struck()
        install()
        again.healed()
        assert second("get", "pvc", f"{MODEL}-model", "-o", "jsonpath={.metadata.uid}") == claim
        assert bytes_sent() == 0
        again.saw("0 bytes from the hub, the same claim")

        gone = load.row(
            "namespace-deleted", "the namespace of a release is deleted with all in it",
            "it goes within 120 s, nothing holds it; the release beside it notices nothing",
        )  # fmt: skip
        gone.struck()
        run("kubectl", "delete", "namespace", SECOND, "--timeout=120s", timeout=130)
        gone.healed()
