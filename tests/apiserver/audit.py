"""The API server's audit log: who wrote what, line by line."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPO = Path(__file__).parents[2]
PROVIDER = REPO / "hack/cluster/provider"


class Audit:
    """What is written from now on."""

    def __init__(self) -> None:
        path = subprocess.run([str(PROVIDER), "audit"], capture_output=True, text=True, check=True).stdout
        self._file = Path(path.strip())
        assert self._file.exists(), (
            f"{self._file} is not there: the cluster was brought up without an audit log; "
            "`hack/cluster/provider stop kube-apiserver` and `start` give it one"
        )
        self._from = self._file.stat().st_size

    def tries(self, namespace: str, user: str) -> Counter[str]:
        """Count what a user tried to write in a namespace, by object; also what was refused."""
        return Counter(
            "/".join(part for part in (at["resource"], at.get("name"), at.get("subresource")) if part)
            for line in self._lines()
            if line["user"]["username"] == user
            and (at := line.get("objectRef", {})).get("namespace") == namespace
        )

    def _lines(self) -> Iterator[dict[str, Any]]:
        assert self._file.stat().st_size >= self._from, "the log was rotated meanwhile"
        with self._file.open("rb") as log:
            log.seek(self._from)
            for line in log:
                if line.endswith(b"\n"):
                    yield json.loads(line)
