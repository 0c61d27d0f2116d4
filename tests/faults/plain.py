"""The control of a hub that lies: what a download takes that looks at nothing, as most initializers are."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..e2e.cluster import CATALOGUE, REPO, kubectl

_DOWNLOAD = """
import hashlib, sys, urllib.request
data = urllib.request.urlopen(sys.argv[1], timeout=30).read()
print(len(data), hashlib.sha256(data).hexdigest(), ascii(data[:40]))
"""


@dataclass(frozen=True)
class Taken:
    """What came: bytes, their sha256, and how they begin."""

    size: int
    sha256: str
    begin: str


def download(repository: str, path: str) -> Taken:
    """Download a file with nothing but the standard library, beside the hub itself."""
    url = f"http://127.0.0.1:8090/{repository}/resolve/main/{path}"
    said = kubectl("exec", "deploy/veriaidpo-hub", "--", "python", "-c", _DOWNLOAD, url)
    size, sha256, begin = said.strip().split(" ", 2)
    return Taken(int(size), sha256, begin)


def published(entry: str, path: str) -> Path:
    """Return the file of a demonstration model as it is published."""
    return REPO / "hack/demo/models" / str(CATALOGUE[entry]["demo"]["repo"]).rpartition("/")[2] / path


def digest(entry: str, path: str) -> str:
    """Return the sha256 of such a file."""
    return hashlib.sha256(published(entry, path).read_bytes()).hexdigest()
