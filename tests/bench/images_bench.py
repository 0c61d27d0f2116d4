"""How long an image takes to build of which nothing but its base is there yet: packages come from the index.

    python -m bench.images_bench [NAME ...]

Seconds include handing the image to the cluster, where one runs. Into build/bench.json under `images`, into
build/operations.json under `build_seconds`, and into docs/performance.md.
"""

import os
import re
import subprocess
import sys

from bench import figures
from tables import REPO, kept

NAMES = ("predictor", "fetch", "gateway", "operator")
MOST_SECONDS = 180
_TAG = "cold"
"""Not the chart's: what is installed goes on with the images it has."""


def seconds(name: str) -> int:
    """Build an image with nothing of an earlier build; return what `hack/images` said it took."""
    command = [str(REPO / "hack/images"), name]
    environment = os.environ | {"COLD": "1", "TAG": _TAG}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    (said,) = re.findall(rf"^veriaidpo-{name}:{_TAG} built in (\d+) s$", done.stdout, re.MULTILINE)
    return int(said)


def main(names: list[str]) -> None:
    """Build one after another, and write."""
    load = os.getloadavg()[0]
    found = {name: seconds(name) for name in names}
    figures.merge({"images": {"machine": figures.machine(), "cold_seconds": found}})
    with kept("operations") as body:
        body["build_seconds"] = {**body.get("build_seconds", {}), **found}
    rows = [[f"veriaidpo-{name}", f"{took} s", f"≤ {MOST_SECONDS} s"] for name, took in found.items()]
    note = f"Load of the machine as it began: {load:.0f}."
    figures.table("images", ["image", "built from nothing but its base", "to reach"], rows, note=note)
    print(found)


if __name__ == "__main__":
    main(sys.argv[1:] or list(NAMES))
