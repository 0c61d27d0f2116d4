"""The hub's JSON: a repository, its tree, its branches. Field names are the real API's."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from veriaidpo_hub.repositories import HubFile, Repository, Revision


def info(
    repository: Repository, revision: Revision, *, blobs: bool, private: bool, gated: bool
) -> dict[str, Any]:
    """GET /api/models/OWNER/repo; `blobs`: with size and digests of every file."""
    return {
        "_id": revision.commit[:24],
        "id": repository.name,
        "modelId": repository.name,
        "author": repository.name.partition("/")[0],
        "sha": revision.commit,
        "createdAt": _time(revision),
        "lastModified": _time(revision),
        "private": private,
        "gated": "manual" if gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "usedStorage": sum(file.size for file in revision.files.values()),
        "siblings": [_sibling(file, blobs=blobs) for file in revision.files.values()],
    }


def tree(revision: Revision, folder: str, *, recursive: bool, expand: bool) -> list[dict[str, Any]]:
    """GET …/tree/REVISION[/folder]: what is in a folder, or anywhere below it."""
    return [
        entry | ({"lastCommit": _commit(revision)} if expand else {})
        for entry in sorted(_entries(revision), key=lambda entry: str(entry["path"]))
        if _below(str(entry["path"]), folder, recursive=recursive)
    ]


def refs(repository: Repository) -> dict[str, Any]:
    """GET …/refs: the branches; there are no tags, pull requests or conversions here."""
    branches = [
        {"name": name, "ref": f"refs/heads/{name}", "targetCommit": revision.commit}
        for name, revision in sorted(repository.branches.items())
    ]
    return {"branches": branches, "tags": [], "converts": [], "pullRequests": []}


def _entries(revision: Revision) -> Iterator[dict[str, Any]]:
    for path, tree_id in revision.folders.items():
        if path:
            yield {"type": "directory", "oid": tree_id, "size": 0, "path": path}
    for file in revision.files.values():
        yield {"type": "file", "oid": file.blob_id, "size": file.size, "path": file.path} | _lfs(file, "oid")


def _sibling(file: HubFile, *, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": file.path}
    return {"rfilename": file.path, "size": file.size, "blobId": file.blob_id} | _lfs(file, "sha256")


def _lfs(file: HubFile, digest: str) -> dict[str, Any]:
    """`digest`: the tree calls the sha256 `oid`, the repository's own answer calls it `sha256`."""
    if not file.large:
        return {}
    return {"lfs": {digest: file.sha256, "size": file.size, "pointerSize": file.pointer_size}}


def _below(path: str, folder: str, *, recursive: bool) -> bool:
    inside = path[len(folder) + 1 :] if folder and path.startswith(f"{folder}/") else "" if folder else path
    return bool(inside) and (recursive or "/" not in inside)


def _commit(revision: Revision) -> dict[str, str]:
    return {"id": revision.commit, "title": "Served from a folder", "date": _time(revision)}


def _time(revision: Revision) -> str:
    return datetime.fromtimestamp(revision.modified, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
