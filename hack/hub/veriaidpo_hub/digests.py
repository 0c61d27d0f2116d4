"""The ids the hub announces: git's for files, folders and commits, sha256 for what is kept as a large file.

They are git's own object ids (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects), so that anybody can
check them with `git hash-object` and `git mktree`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

_CHUNK = 1 << 20
# Neither a name nor a time of its own: the same bytes have to give the same commit everywhere.
_SIGNATURE = "veriaidpo-hub <hub@veriaidpo.invalid> 0 +0000"


@dataclass(frozen=True, slots=True)
class Digests:
    """What identifies the bytes of one file, in lowercase hex."""

    blob: str
    sha256: str


def of_file(file: BinaryIO, size: int) -> Digests:
    """Read `file` once, from where it stands to its end; `size` is its whole length in bytes."""
    blob, sha256 = _sha1(b"blob %d\0" % size), hashlib.sha256()
    while chunk := file.read(_CHUNK):
        blob.update(chunk)
        sha256.update(chunk)
    return Digests(blob=blob.hexdigest(), sha256=sha256.hexdigest())


def lfs_pointer(sha256: str, size: int) -> bytes:
    """Make the text that git keeps in place of a large file (git-lfs, specification v1)."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def blob_id(content: bytes) -> str:
    """Compute git's id of a file with this content."""
    return _object_id("blob", content)


def tree_ids(blobs: Mapping[str, str]) -> dict[str, str]:
    """Compute the id of every folder of a tree, from path -> blob id; the empty path is all of it."""
    entries: dict[str, list[tuple[str, str, str]]] = {"": []}
    for path, blob in blobs.items():
        folder, _, name = path.rpartition("/")
        _make_folders(folder, entries)
        entries[folder].append(("100644", name, blob))
    ids: dict[str, str] = {}
    for folder in sorted(entries, key=lambda path: path.count("/") + bool(path), reverse=True):
        ids[folder] = _object_id("tree", _tree(entries[folder]))
        if folder:
            parent, _, name = folder.rpartition("/")
            entries[parent].append(("40000", name, ids[folder]))
    return ids


def commit_id(tree: str) -> str:
    """Compute the id of a first commit that holds `tree` and nothing that changes with time or place."""
    text = f"tree {tree}\nauthor {_SIGNATURE}\ncommitter {_SIGNATURE}\n\nServed from a folder\n"
    return _object_id("commit", text.encode())


def _make_folders(folder: str, entries: dict[str, list[tuple[str, str, str]]]) -> None:
    while folder not in entries:
        entries[folder] = []
        folder = folder.rpartition("/")[0]


def _tree(entries: list[tuple[str, str, str]]) -> bytes:
    def order(entry: tuple[str, str, str]) -> bytes:
        mode, name, _ = entry
        return name.encode() + (b"/" if mode == "40000" else b"")  # git compares folders as if they ended so

    return b"".join(
        f"{mode} {name}".encode() + b"\0" + bytes.fromhex(object_id)
        for mode, name, object_id in sorted(entries, key=order)
    )


def _object_id(kind: str, content: bytes) -> str:
    return _sha1(f"{kind} {len(content)}\0".encode() + content).hexdigest()


def _sha1(start: bytes) -> "hashlib._Hash":
    return hashlib.sha1(start, usedforsecurity=False)
