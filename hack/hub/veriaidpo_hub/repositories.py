"""Folders seen as repositories: which files, which revisions, and the ids of both.

`DIR/<repo>/` is the branch `main` of OWNER/<repo>, `DIR/<repo>@<branch>/` another branch of it. Names that
start with a dot are left out, and so is whatever a symbolic link would bring in from outside of DIR.
"""

import os
import stat
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from veriaidpo_hub import digests

_LARGE = (".safetensors", ".onnx", ".bin", ".model")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file does; looked at in place of the bytes."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """Take the stamp out of what stat() told."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a revision. `sha256` is announced for large files only, as the real hub does."""

    path: str
    location: Path
    stamp: Stamp
    blob_id: str
    sha256: str
    pointer_size: int | None

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.stamp.size

    @property
    def large(self) -> bool:
        """Whether git holds only a pointer to it (git-lfs)."""
        return self.pointer_size is not None

    @property
    def etag(self) -> str:
        """Digest that names the bytes: sha256 of a large file, git's blob id of any other."""
        return self.sha256 if self.large else self.blob_id


@dataclass(frozen=True, slots=True)
class Revision:
    """One branch as it stands: files by path, ids of folders by path."""

    branch: str
    commit: str
    files: Mapping[str, HubFile]
    folders: Mapping[str, str]

    @property
    def modified(self) -> float:
        """Time of the newest file, in seconds since 1970."""
        return max((file.stamp.mtime_ns for file in self.files.values()), default=0) / 1e9


@dataclass(frozen=True, slots=True)
class Repository:
    """A model repository, with its branches by name."""

    name: str
    branches: Mapping[str, Revision]

    def find(self, revision: str) -> Revision | None:
        """Find the branch of that name, or the one that stands at that full commit id."""
        if revision in self.branches:
            return self.branches[revision]
        return next((r for r in self.branches.values() if r.commit == revision), None)


class Repositories:
    """All repositories below the roots. A look-up stats the folder and reads again only what has changed."""

    def __init__(self, roots: Mapping[str, Path], *, large_from: int) -> None:
        """`roots`: owner -> folder; a file of `large_from` bytes or more is a large one whatever its name."""
        self._roots = {owner: root.resolve() for owner, root in roots.items()}
        self._large_from = large_from
        self._known: dict[Path, tuple[dict[str, tuple[Path, Stamp]], Revision]] = {}
        self._lock = threading.Lock()

    def read_all(self) -> None:
        """Read what is there, so that no request has to. Raises OSError."""
        found = {(owner, name) for owner, root in self._roots.items() for name, _, _ in _branches(root)}
        for owner, name in found:
            self.find(owner, name)

    def find(self, owner: str, name: str) -> Repository | None:
        """Find the repository as its folders are at this moment; None when there is no such folder."""
        root = self._roots.get(owner)
        if root is None:
            return None
        branches = {
            branch: self._revision(root, branch, folder)
            for found, branch, folder in _branches(root)
            if found == name
        }
        return Repository(name=f"{owner}/{name}", branches=branches) if branches else None

    def _revision(self, root: Path, branch: str, folder: Path) -> Revision:
        seen = dict(_files(folder, root))
        with self._lock:
            before, revision = self._known.get(folder, ({}, None))
            if revision is None or before != seen:
                old = revision.files if revision else {}
                files = {path: self._read(path, *seen[path], old.get(path)) for path in sorted(seen)}
                folders = digests.tree_ids({file.path: file.blob_id for file in files.values()})
                revision = Revision(branch, digests.commit_id(folders[""]), files, folders)
                self._known[folder] = (seen, revision)
            return revision

    def _read(self, path: str, location: Path, stamp: Stamp, before: HubFile | None) -> HubFile:
        if before and (before.location, before.stamp) == (location, stamp):
            return before
        with location.open("rb") as file:
            ids = digests.of_file(file, stamp.size)
        if not path.endswith(_LARGE) and stamp.size < self._large_from:
            return HubFile(path, location, stamp, ids.blob, ids.sha256, None)
        pointer = digests.lfs_pointer(ids.sha256, stamp.size)
        return HubFile(path, location, stamp, digests.blob_id(pointer), ids.sha256, len(pointer))


def _branches(root: Path) -> Iterator[tuple[str, str, Path]]:
    """(repository, branch, folder) of each folder of a root."""
    with os.scandir(root) as entries:
        for entry in entries:
            name, _, branch = entry.name.partition("@")
            if name and _shown(entry.name) and entry.is_dir() and _inside(Path(entry), root):
                yield name, branch or "main", Path(entry)


def _files(folder: Path, root: Path) -> Iterator[tuple[str, tuple[Path, Stamp]]]:
    """Path inside the folder -> where it is and its stamp, for each regular file that may be served."""
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = filter(_shown, folders)
        for name in filter(_shown, names):
            location = Path(parent, name)
            if not _inside(location, root):
                continue
            try:
                status = location.stat()
            except OSError:  # removed since the folder was listed, or a link that leads nowhere
                continue
            if stat.S_ISREG(status.st_mode):
                yield location.relative_to(folder).as_posix(), (location, Stamp.of(status))


def _shown(name: str) -> bool:
    """Neither hidden nor, with bytes that are not UTF-8, impossible to write into a URL."""
    return not name.startswith(".") and name.isprintable()


def _inside(location: Path, root: Path) -> bool:
    return Path(os.path.realpath(location)).is_relative_to(root)  # unlike resolve(), at ease with loops


def _raise(error: OSError) -> None:
    raise error  # a folder that cannot be read must not pass for an empty one
