"""Says whether two builds of an image are the same, and where not, what differs.

Usage: compare_images.py ONE.tar OTHER.tar, archives as `docker save` writes them. Compared are what the image
is started with, its labels and, of each layer, every file: kind, mode, owner, time and bytes. Exits 1 where
something differs.
"""

import hashlib
import json
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

MOST = 20
"""Differences that are named of a layer."""

Entry = tuple[object, ...]


class Archive:
    """An image of an archive."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        (found,) = json.load(self._file("manifest.json"))
        self._layers: list[str] = found["Layers"]
        self.config: dict[str, Any] = json.load(self._file(found["Config"]))["config"]

    def layers(self) -> Iterator[dict[str, Entry]]:
        """Give what is in one layer after the other, by path."""
        for name in self._layers:
            with tarfile.open(fileobj=self._file(name)) as layer:
                yield {member.name: entry(layer, member) for member in layer}

    def _file(self, name: str) -> Any:
        member = self._tar.getmember(name)
        while member.issym():  # a layer that is there twice
            member = self._tar.getmember(member.linkname.removeprefix("../"))
        return self._tar.extractfile(member)


def entry(layer: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    """Give all that there is to compare of a file."""
    data = layer.extractfile(member) if member.isreg() else None
    digest = hashlib.file_digest(data, "sha256").hexdigest() if data else None  # type: ignore[arg-type]
    return member.type, oct(member.mode), member.uid, member.gid, member.linkname, member.mtime, digest


def differences(one: Archive, other: Archive) -> Iterator[str]:
    """Say what differs, a line each."""
    if one.config != other.config:
        yield f"started or labelled otherwise: {one.config} {other.config}"
    for number, (left, right) in enumerate(zip(one.layers(), other.layers(), strict=True), start=1):
        differing = sorted(name for name in left | right if left.get(name) != right.get(name))
        for name in differing[:MOST]:
            yield f"layer {number}: {name}: {left.get(name)} {right.get(name)}"
        if len(differing) > MOST:
            yield f"layer {number}: {len(differing) - MOST} files more"


def main(one: str, other: str) -> int:
    """Compare; return the exit code."""
    with tarfile.open(one) as left, tarfile.open(other) as right:
        found = list(differences(Archive(left), Archive(right)))
    print("\n".join(found) or f"{one} and {other} are the same, file by file")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
