"""The list that a shared predictor follows, written as a kubelet writes it."""

import time
from pathlib import Path


def write_list(folder: Path, listed: dict[str, str]) -> None:
    made = folder / f"..{time.monotonic_ns()}"
    made.mkdir(parents=True)
    for name, digest in listed.items():
        (made / name).write_text(digest + "\n")
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    (folder / "..new").symlink_to(made.name)
    (folder / "..new").replace(folder / "..data")
    for path in folder.iterdir():
        if not path.name.startswith("..") and path.name not in listed:
            path.unlink()
