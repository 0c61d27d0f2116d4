"""The parts of an installation, and killing one."""

from .cluster import eventually, get, kubectl

OPERATOR = "app.kubernetes.io/component=operator"
GATEWAY = "app.kubernetes.io/component=gateway"
REDIS = "app.kubernetes.io/component=redis"
POSTGRESQL = "app.kubernetes.io/component=postgresql"


def predictor(model: str) -> str:
    """Select the pods that serve a model."""
    return f"serving.kserve.io/inferenceservice={model}"


def owned(model: str) -> str:
    """Select all that the operator made for a Model."""
    return f"veriaidpo.verisyntra.vn/model={model}"


def ready_pods(selector: str) -> list[str]:
    """Name the pods that are ready and not on their way out."""
    return [
        pod["metadata"]["name"]
        for pod in get("pods", "-l", selector)["items"]
        if not pod["metadata"].get("deletionTimestamp")
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
    ]


def kill(selector: str) -> str:
    """Kill a ready pod without a warning; return its name."""
    name = ready_pods(selector)[0]
    kubectl("delete", "pod", name, "--grace-period=0", "--force")
    return name


def replaced(selector: str, killed: str, count: int = 1) -> None:
    """Wait until so many pods are ready, none of them the killed one."""

    def others() -> bool:
        ready = ready_pods(selector)
        return len(ready) >= count and killed not in ready

    eventually(others, f"another pod of {selector} is ready", 120)
