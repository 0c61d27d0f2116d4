"""S2: whoever gets a package into an image that no lock names, and would have nobody see it there."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...documents import REPO
from ..conftest import Attack

LOCKED = ("small", "1.0")
BILL = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import write_sbom
write_sbom.DPKG = ["true"]  # Debian's packages of the machine that this runs on are no image's
environment, without = Path(sys.argv[2]), sys.argv[3:]
bill = json.loads(write_sbom.of_python(environment, Path(sys.argv[2])).read_text("utf-8"))
bill["components"] = [one for one in bill["components"] if write_sbom.normal(one["name"]) not in without]
named = [[write_sbom.normal(one["name"]), one.get("version")] for one in bill["components"]]
print(json.dumps({"named": named, "missing": write_sbom.missing(bill, environment)}))
"""


@dataclass(frozen=True)
class Image:
    """The Python environment of one, with what was locked, and something more."""

    folder: Path

    @property
    def packages(self) -> Path:
        return self.folder / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

    def add(self, info: str, name: str, version: str, file: str = "METADATA") -> Path:
        """Put as much of a package into it as is found as one."""
        path = self.packages / info
        path.mkdir(parents=True)
        (path / file).write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        return path


Plant = tuple[str, str]
"""The name of a package that was added, and its version."""


def whole(image: Image) -> Plant:
    info = image.add("whole-6.6.dist-info", "whole", "6.6")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    (info / "RECORD").write_text("whole.py,,\n")
    (image.packages / "whole.py").write_text("")
    return "whole", "6.6"


def without_a_list_of_its_files(image: Image) -> Plant:
    image.add("unlisted-6.6.dist-info", "unlisted", "6.6")
    return "unlisted", "6.6"


def as_an_egg(image: Image) -> Plant:
    image.add("egg-6.6.egg-info", "egg", "6.6", "PKG-INFO")
    return "egg", "6.6"


def as_one_file(image: Image) -> Plant:
    text = "Metadata-Version: 1.0\nName: one-file\nVersion: 6.6\n"
    (image.packages / "one_file-6.6.egg-info").write_text(text)
    return "one-file", "6.6"


def spelt_otherwise(image: Image) -> Plant:
    image.add("E_vil.X-6.6.dist-info", "E_vil.X", "6.6")
    return "e-vil-x", "6.6"


def in_place_of_what_was_locked(image: Image) -> Plant:
    text = "Metadata-Version: 2.1\nName: small\nVersion: 1.0.post1\n"
    (image.packages / "small-1.0.dist-info/METADATA").write_text(text)
    return "small", "1.0.post1"


def from_a_folder_of_its_own(image: Image) -> Plant:
    (image.packages / "more.pth").write_text(f"{image.folder / 'more'}\n")
    image.add(str(image.folder / "more/beside-6.6.dist-info"), "beside", "6.6")
    return "beside", "6.6"


def from_a_file(image: Image) -> Plant:
    info = image.add("local-6.6.dist-info", "local", "6.6")
    (info / "direct_url.json").write_text('{"url": "file:///tmp/local.whl", "archive_info": {}}')
    return "local", "6.6"


PLANTS: tuple[Callable[[Image], Plant], ...] = (
    whole, without_a_list_of_its_files, as_an_egg, as_one_file, spelt_otherwise, in_place_of_what_was_locked,
    from_a_folder_of_its_own, from_a_file,
)  # fmt: skip


@cache
def tools() -> Path:
    """Give the environment that an image's bill is written with."""
    command = ["bash", "-c", ". hack/rooms.sh && tool_env sbom"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True, timeout=300)
    return Path(done.stdout.strip())


def made(folder: Path) -> Image:
    """Make an environment as a build does, without pip, with the one package that was locked."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, timeout=60)
    image = Image(folder)
    image.add("small-1.0.dist-info", *LOCKED)
    return image


def billed(image: Image, *without: str) -> tuple[set[Plant], set[Plant]]:
    """Give what the bill names, and what the step that writes it ends the build for."""
    command = [str(tools() / "bin/python"), "-c", BILL, str(REPO / "hack/tools"), str(image.folder), *without]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(done.stdout.splitlines()[-1])
    missing = (line.split() for line in found["missing"])
    return {(name, version) for name, version in found["named"]}, {(one[1], one[2]) for one in missing}


def test_s2_packages_that_no_lock_names(attack: Attack, tmp_path: Path) -> None:
    image = made(tmp_path / "image")
    planted = {plant(image) for plant in PLANTS}
    with attack("S2", "a package in an image that no lock names") as row:
        named, _ = billed(image)
        row.tried = len(planted)
        row.got_through = len(planted - named)
        _, missing = billed(image, *(name for name, _ in planted))
        row.tried += len(planted)
        row.got_through += len(planted - missing)
        row.figure = (
            f"{len(planted & named)} stand on the bill; left out, {len(planted & missing)} end the build. "
            "A file that belongs to no package is on no bill"
        )
        row.control = f"written of the lock, a bill names {len(planted & {LOCKED})} of {len(planted)}"
