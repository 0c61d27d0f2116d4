"""K5, K6: somebody who runs commands in a pod of the installed release, and wants more than is its own."""

import base64
import json
from functools import cache

import pytest

from ...e2e.cluster import kubectl
from ..conftest import Attack
from .entrances import INSTALLED

pytestmark = pytest.mark.skipif(not INSTALLED, reason="neither INGRESS nor KUBECONFIG names a release")

SHORTEST = 16
"""Characters of what is looked for: less is a name or a number that may be anywhere."""

FOLDERS = "/ /bin /usr/bin /usr/lib /etc /opt /root /home /var /var/lib /var/log /sys /proc/sys/kernel /dev"
TRIES = f"""
try() {{ name=$1; shift; if "$@" >/dev/null 2>&1; then echo "through $name"; else echo "refused $name"; fi; }}
write() {{ (: >"$1/evil") && rm -f "$1/evil"; }}
said() {{ grep -q "$1" /proc/1/status; }}
links() {{ env | grep '_SERVICE_HOST=' | grep -v '^KUBERNETES_'; }}
limit() {{ cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; }}
unlimited() {{ limit | grep -E '^(max|9223)'; }}
for folder in {FOLDERS}; do try "writes to $folder" write $folder; done
try "is root" [ "$(id -u)" = 0 ]
try "may become more than it is" said '^NoNewPrivs:.*0$'
try "may call everything of the kernel" said '^Seccomp:.*0$'
for set in Inh Prm Eff Bnd Amb; do try "has capabilities ($set)" said "^Cap$set:.*[1-9a-f]"; done
try "mounts" mount -t tmpfs evil /tmp
try "has a namespace of its own" unshare --user --map-root-user true
try "makes a device" mknod /tmp/evil b 8 0
try "changes the root" chroot /tmp true
try "gives a file to root" sh -c ': >/tmp/evil && chown root /tmp/evil'
try "sets the clock" date --set '2030-01-01'
try "is told of other services" links
try "has memory without end" unlimited
try() {{ "$@" 2>/dev/null && echo usual; }}
try write /tmp
rm -f /tmp/evil
"""


def inside(pod: str, command: str) -> str:
    return kubectl("exec", pod, "--", "sh", "-c", command)


@cache
def pods() -> tuple[str, ...]:
    """Name what runs."""
    running = ("--field-selector", "status.phase=Running", "--output", "jsonpath={.items[*].metadata.name}")
    found = tuple(kubectl("get", "pods", *running).split())
    assert len(found) >= 5
    return found


def secrets() -> list[str]:
    """Give what the Secrets of the release hold, line by line: a key is several."""
    found = json.loads(kubectl("get", "secrets", "--output", "json"))["items"]
    texts = [
        base64.b64decode(value).decode("utf-8", "replace")
        for one in found
        if one["type"] == "Opaque"
        for name, value in one["data"].items()
        if not name.endswith(".crt")
    ]
    lines = {line.strip() for text in texts for line in text.splitlines()}
    return [line for line in lines if len(line) >= SHORTEST and not line.startswith("-----")]


def test_k5_an_environment_that_tells_secrets(attack: Attack) -> None:
    wanted = secrets()
    # PostgreSQL has its own: its image wants the password of its first start there, as docs/security.md says.
    others = [pod for pod in pods() if "-postgresql-" not in pod]
    with attack("K5@cluster", "Secrets in the environment and the arguments of what runs") as row:
        for pod in others:
            told = inside(pod, "cat /proc/1/environ /proc/1/cmdline; env")
            assert "PATH=" in told
            row.tried += len(wanted)
            row.got_through += sum(line in told for line in wanted)
        row.figure = f"{len(others)} pods, PostgreSQL's own not among them; {len(wanted)} lines of Secrets"
        gateway = next(pod for pod in pods() if "-gateway-" in pod)
        files = inside(gateway, "find /etc/veriaidpo -type f -o -type l | xargs cat 2>/dev/null; true")
        row.control = f"the files of a gateway have {sum(line in files for line in wanted)} of them"


def test_k6_a_pod_that_reaches_for_the_node(attack: Attack) -> None:
    writable = 0
    with attack("K6@cluster", "commands in the pods that write, rise, mount, or look around") as row:
        through: dict[str, list[str]] = {}
        for pod in pods():
            said = inside(pod, TRIES).splitlines()
            writable += "usual" in said
            row.tried += len(said) - ("usual" in said)
            through[pod] = [one for one in said if one.startswith("through ")]
            row.got_through += len(through[pod])
        assert not any(through.values()), through
        row.figure = f"{len(pods())} pods"
        row.control = f"to /tmp, which is theirs, {writable} of them write"
