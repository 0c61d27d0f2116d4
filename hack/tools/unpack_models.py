"""Unpacks a tar of models from standard input into a folder that may have some of them; runs in a pod.

Files of a published revision are read-only, and whoever has one open goes on with the one it has.
"""

import sys
import tarfile
from pathlib import Path
from typing import BinaryIO


def unpack(archive: BinaryIO, folder: Path) -> None:
    """Write every member anew; tarfile.FilterError for one that would leave the folder."""
    with tarfile.open(fileobj=archive, mode="r|") as members:
        for member in members:
            wanted = tarfile.data_filter(member, str(folder))
            there = folder / wanted.name
            if wanted.isreg():
                there.unlink(missing_ok=True)
            members.extract(wanted, folder, filter="fully_trusted")
            if wanted.isreg():
                there.chmod(member.mode & 0o755)


if __name__ == "__main__":
    unpack(sys.stdin.buffer, Path(sys.argv[1]))
