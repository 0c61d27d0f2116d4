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

_IN_PIECES = """
import sys, time, urllib.error, urllib.request
size, longest = 0, 0.0
try:
    with urllib.request.urlopen(sys.argv[1], timeout=120) as answer:
        at = time.monotonic()
        while piece := answer.read(65536):
            size, longest, at = size + len(piece), max(longest, time.monotonic() - at), time.monotonic()
except urllib.error.HTTPError as refused:
    print(f"a plain download ends with {refused.code}")
else:
    short = size < int(answer.headers["Content-Length"])
    what = f"{size} of {answer.headers['Content-Length']} bytes" + (" for all there are" if short else "")
    print(f"a plain download takes {what}, after a pause of {longest:.0f} s")
"""


@dataclass(frozen=True)
class Taken:
    """What came: bytes, their sha256, and how they begin."""

    size: int
    sha256: str
    begin: str


def download(repository: str, path: str) -> Taken:
    """Download a file with nothing but the standard library, beside the hub itself."""
    size, sha256, begin = _run(_DOWNLOAD, repository, path).split(" ", 2)
    return Taken(int(size), sha256, begin)


def in_pieces(repository: str, path: str) -> str:
    """Download a file piece by piece, as one does that is large; say how that ended."""
    return _run(_IN_PIECES, repository, path)


def _run(script: str, repository: str, path: str) -> str:
    url = f"http://127.0.0.1:8090/{repository}/resolve/main/{path}"
    return kubectl("exec", "deploy/veriaidpo-hub", "--", "python", "-c", script, url, timeout=180).strip()


def published(entry: str, path: str) -> Path:
    """Return the file of a demonstration model as it is published."""
    return REPO / "hack/demo/models" / str(CATALOGUE[entry]["demo"]["repo"]).rpartition("/")[2] / path


def digest(entry: str, path: str) -> str:
    """Return the sha256 of such a file."""
    return hashlib.sha256(published(entry, path).read_bytes()).hexdigest()
