"""What docs/install.md has people type, typed into the test cluster as it stands there."""

import re
from pathlib import Path

from .cluster import NAMESPACE, REPO, run


def typed(folder: Path, *lines: str, namespace: str = NAMESPACE) -> str:
    """Type commands of the page, one after the other, in a folder where the repository's own are, too.

    In another namespace where one is named. CommandError, with the first words, when one of them fails.
    """
    for name in ("charts", "hack", "manifests"):
        if not (folder / name).exists():
            (folder / name).symlink_to(REPO / name)
    script = re.sub(r"(-n|--namespace) veriaidpo\b", rf"\1 {namespace}", "\n".join(lines))
    return run("bash", "-c", f"set -euo pipefail; cd '{folder}'; {script}", timeout=600)
