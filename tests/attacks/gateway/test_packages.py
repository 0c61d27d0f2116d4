"""S1: whoever stands between a build and its package index, and sends other packages than were locked."""

import hashlib
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...documents import REPO
from ..conftest import Attack

BUILDS = ("Dockerfile.gateway", "Dockerfile.predictor", "hack/tools/install_packages.sh", "hack/env")
FLAGS = ("--require-hashes", "--no-deps", "--only-binary :all:")
MARK = "evil"

Way = tuple[str, tuple[str, ...]]
"""Which program installs, and with which of the flags that this is about."""


def ways() -> dict[Way, int]:
    """Give every way in which packages of a lock are installed, and how often it is written."""
    found: dict[Way, int] = {}
    for name in BUILDS:
        text = (REPO / name).read_text("utf-8").replace("\\\n", " ")
        for line in re.split(r"\n|&&", text):
            # Not: what was built here, and torch, whose index is whoever's builds the image.
            is_other = re.search(r"/wheels| -e |--no-build-isolation| torch\.txt|/torch\.txt", line)
            if re.search(r"\bpip\b.* (install|sync) ", line) and not is_other:
                flags = tuple(word for flag in FLAGS if flag in line for word in flag.split())
                way = ("uv" if "$uv" in line else "pip", flags)
                found[way] = found.get(way, 0) + 1
    return found


@cache
def program(name: str) -> list[str]:
    """Give the command of one of the two, as hack/env installs it."""
    made = subprocess.run(
        [str(REPO / "hack/env"), "tools"], capture_output=True, text=True, check=True, timeout=300
    )
    folder = f"{made.stdout.strip()}/bin"
    return [f"{folder}/uv", "pip", "--no-cache"] if name == "uv" else [f"{folder}/pip", "--no-cache-dir"]


@dataclass(frozen=True)
class Index:
    """A folder that packages are taken from, and a lock of what was in it when it was locked."""

    folder: Path

    @property
    def lock(self) -> Path:
        return self.folder / "requirements.txt"

    def add(self, name: str, version: str, text: str, *, build: str = "", needs: str = "") -> Path:
        """Put a package into it, as little of one as is installed."""
        path = self.folder / f"{name}-{version}{build}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        told = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.py", f"# {text}\n")
            archive.writestr(f"{info}/METADATA", told + (f"Requires-Dist: {needs}\n" if needs else ""))
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            listed = "".join(f"{one},,\n" for one in (f"{name}.py", f"{info}/METADATA", f"{info}/WHEEL"))
            archive.writestr(f"{info}/RECORD", f"{listed}{info}/RECORD,,\n")
        return path


def locked(folder: Path) -> Index:
    """Make an index with one package, and its lock."""
    folder.mkdir()
    index = Index(folder)
    digest = hashlib.sha256(index.add("small", "1.0", "good").read_bytes()).hexdigest()
    index.lock.write_text(f"small==1.0 \\\n    --hash=sha256:{digest}\n")
    return index


def another(index: Index) -> None:
    index.add("small", "1.0", MARK)


def another_build(index: Index) -> None:
    index.add("small", "1.0", MARK, build="-1")


def newer(index: Index) -> None:
    index.add("small", "1.1", MARK)
    index.lock.write_text(index.lock.read_text().replace("==1.0", ">=1.0"))


def one_that_needs_another(index: Index) -> None:
    index.add("small", "1.0", "good", needs="other")
    index.add("other", "1.0", MARK)


def code_that_builds(index: Index) -> None:
    """Send what would be built here, and so is run."""
    (index.folder / "small-1.0-py3-none-any.whl").unlink()
    setup = index.folder / "setup.py"
    setup.write_text(f"open({str(index.folder / MARK)!r}, 'w').close()\n")
    with tarfile.open(index.folder / "small-1.0.tar.gz", "w:gz") as archive:
        archive.add(setup, "small-1.0/setup.py")
    setup.unlink()


def a_line_without_hash(index: Index) -> None:
    index.add("small", "1.0", MARK)
    index.lock.write_text("small==1.0\n")


def a_line_more(index: Index) -> None:
    index.add("other", "1.0", MARK)
    index.lock.write_text(index.lock.read_text() + "other==1.0\n")


ATTEMPTS: tuple[Callable[[Index], None], ...] = (
    another, another_build, newer, one_that_needs_another, code_that_builds, a_line_without_hash, a_line_more,
)  # fmt: skip


def taken(index: Index, way: Way, *, locked: bool = True) -> bool:
    """Install from it; whether anything of the attacker's was installed or run."""
    to = index.folder / "installed"
    command = [*program(way[0]), "install", "--quiet", "--no-index", "--find-links", str(index.folder)]
    command += ["--target", str(to), *way[1]]
    asked = ["-r", str(index.lock)] if locked else ["small"]
    subprocess.run([*command, *asked], capture_output=True, check=False, timeout=60)
    code = "".join(path.read_text() for path in to.glob("*.py"))
    return MARK in code or (index.folder / MARK).exists()


def test_s1_packages_that_are_not_those_of_the_lock(attack: Attack, tmp_path: Path) -> None:
    found = ways()
    with attack("S1", "packages that are not those of the lock") as row:
        for number, way in enumerate(found):
            good = locked(tmp_path / f"{number}-good")
            assert not taken(good, way)
            assert (good.folder / "installed/small.py").exists(), way
            for attempt in ATTEMPTS:
                index = locked(tmp_path / f"{number}-{attempt.__name__}")
                attempt(index)
                row.tried += 1
                row.got_through += taken(index, way)
        row.figure = (
            f"{sum(found.values())} places install from locks, in {len(found)} ways; torch alone has no hash"
        )
        naive = 0
        for attempt in ATTEMPTS:
            index = locked(tmp_path / attempt.__name__)
            attempt(index)
            naive += taken(index, ("pip", ()), locked=False)
        row.control = f"installed by its name, {naive} of {len(ATTEMPTS)} are taken"
