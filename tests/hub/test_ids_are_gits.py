"""Blob, tree and commit ids are those git itself computes for the same files."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.conftest import HubStarter, Write


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, input=stdin, check=True, capture_output=True)
    return done.stdout.decode().strip()


# Git sorts a folder as if its name ended with a slash: between `a.txt` and `a0`.
FILES = {"a.txt": b"1", "a/deep/er/file": b"2", "a/x": b"", "a0": b"3", "onnx/model.onnx": b"\x08\x07"}


def test_git_agrees_on_every_id(start: HubStarter, write: Write, tmp_path: Path) -> None:
    write(tmp_path / "root" / "m", FILES)
    hub = start("--root", f"acme={tmp_path / 'root'}")
    entries = hub.get("/api/models/acme/m/tree/main?recursive=true").json()
    repository = tmp_path / "git"
    write(repository, FILES)
    lfs = next(entry["lfs"] for entry in entries if "lfs" in entry)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{lfs['oid']}\nsize 2\n"
    write(repository, {"onnx/model.onnx": pointer.encode()})
    git(repository, "init", "--quiet")
    git(repository, "-c", "core.autocrlf=false", "add", ".")
    tree = git(repository, "write-tree")
    lines = git(repository, "ls-tree", "-r", "-t", tree).splitlines()
    expected = {line.split("\t")[1]: line.split()[2] for line in lines}
    assert {entry["path"]: entry["oid"] for entry in entries} == expected
    assert lfs["pointerSize"] == len(pointer)

    who = "veriaidpo-hub <hub@veriaidpo.invalid> 0 +0000"
    commit = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nServed from a folder\n"
    of_git = git(repository, "hash-object", "-t", "commit", "--stdin", stdin=commit.encode())
    assert hub.get("/api/models/acme/m").json()["sha"] == of_git


def test_the_same_bytes_give_the_same_commit_and_others_another(
    start: HubStarter, write: Write, tmp_path: Path
) -> None:
    write(tmp_path / "root" / "one", FILES)
    write(tmp_path / "root" / "same", FILES)
    write(tmp_path / "root" / "bytes", {**FILES, "a0": b"4"})
    write(tmp_path / "root" / "names", {**FILES, "a1": b""})
    os.utime(tmp_path / "root" / "same" / "a0", (0, 0))
    hub = start("--root", f"acme={tmp_path / 'root'}")
    one, same, content, names = (
        hub.get(f"/api/models/acme/{name}").json()["sha"] for name in ("one", "same", "bytes", "names")
    )
    assert one == same
    assert len({one, content, names}) == 3
