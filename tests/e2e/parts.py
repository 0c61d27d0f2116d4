"""The parts of an installation, and killing one."""

from .cluster import eventually, get, kubectl, provider

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


def processes(pod: str) -> list[str]:
    """Return the ids, on the node, of what runs in a pod; its pause is left out."""
    uid = str(get("pod", pod)["metadata"]["uid"])
    # How a cgroup writes a pod's uid depends on who manages cgroups.
    found = provider(
        "node", "sh", "-c", f"grep -lE '{uid}|{uid.replace('-', '_')}' /proc/[0-9]*/cgroup || true"
    )
    ids = [path.split("/")[2] for path in found.split()]
    names = {one: provider("node", "sh", "-c", f"cat /proc/{one}/comm || true").strip() for one in ids}
    return [one for one, name in names.items() if name not in ("", "pause")]


def sql(statement: str) -> str:
    """Have the chart's PostgreSQL do something; columns of what it answers are parted by a bar."""
    psql = ("psql", "--username", "veriaidpo", "--host", "/var/run/postgresql", "--dbname", "postgres")
    quiet = ("--quiet", "--no-align", "--tuples-only", "--command", statement)
    return kubectl("exec", "veriaidpo-postgresql-0", "--container", "postgresql", "--", *psql, *quiet).strip()
