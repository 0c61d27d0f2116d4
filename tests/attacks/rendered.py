"""What the chart renders to, for attacks on it."""

import subprocess
from typing import Any

import yaml

from ..documents import REPO

Json = dict[str, Any]


def rendered(*settings: str, release: str = "veriaidpo", namespace: str = "veriaidpo") -> list[Json]:
    """Give the objects of a release with these --set settings."""
    command = [str(REPO / "hack/helm"), "template", release, str(REPO / "charts/veriaidpo")]
    command += ["--namespace", namespace, *(flag for one in settings for flag in ("--set", one))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [one for one in yaml.load_all(done.stdout, yaml.CSafeLoader) if one]
