"""A small disk of the node's memory as the volume behind an existing claim."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..e2e.cluster import provider
from ..e2e.static_volumes import claim


@dataclass(frozen=True)
class Disk:
    """Where it is mounted on the node, and the claim that is bound to it."""

    path: str
    claim: str

    def on_node(self, *command: str) -> str:
        return provider("node", *command)

    def remount(self, options: str) -> None:
        """Change its size, or whether it may be written to."""
        self.on_node("mount", "-o", f"remount,{options}", self.path)

    def fill(self) -> None:
        """Leave no byte free."""
        self.on_node("sh", "-c", f"dd if=/dev/zero of={self.path}/filler bs=64k 2>/dev/null || sync")

    def free(self) -> None:
        """Take the filler away."""
        self.on_node("rm", f"{self.path}/filler")


@contextmanager
def disk(name: str, size: str) -> Iterator[Disk]:
    """Mount a disk of this size (`4m`), with a volume and a claim bound to it."""
    path = f"/mnt/veriaidpo-faults-{name}"
    provider("node", "mkdir", "-p", path)
    provider("node", "mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", path)
    try:
        with claim(f"faults-{name}", path, "ReadWriteOnce") as bound:
            yield Disk(path, bound)
    finally:
        provider("node", "umount", "-l", path)
        provider("node", "rmdir", path)
