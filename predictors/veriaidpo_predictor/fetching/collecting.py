"""Old revisions of one model: which to leave on the volume, and taking the others off it."""

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from veriaidpo_predictor import manifest

log = logging.getLogger("veriaidpo.collecting")


@dataclass(frozen=True, slots=True)
class Keep:
    """What stays: the `newest` by their time of publication, and all of `protected`, but none of `dropped`.

    A digest may be given by its first digits, at least 12. `newest` 0 keeps all.
    """

    newest: int = 0
    protected: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def and_protect(self, digest: str) -> "Keep":
        """Give the same, with one more that stays."""
        return replace(self, protected=(*self.protected, digest))

    def beside_a_new_one(self) -> "Keep":
        """Give the same for before a new one comes, which is one of the newest; the last one always stays."""
        return replace(self, newest=max(1, self.newest - 1)) if self.newest else self


def models(directory: Path) -> list[Path]:
    """Give the folders of models (ROOT/models/NAME) that a directory is or holds."""
    if (directory / "revisions").is_dir():
        return [directory]
    return sorted(path.parent for path in directory.glob("models/*/revisions") if path.is_dir())


def published(folder: Path) -> list[str]:
    """Give the digests of the revisions below ROOT/models/NAME by their manifests, the newest first."""
    return [digest for _, digest in sorted(_published(folder), reverse=True)]


def collect(folder: Path, keep: Keep) -> list[str]:
    """Remove what need not stay below ROOT/models/NAME; gives the digests that were removed."""
    there = published(folder)
    wanted = [digest for digest in there if not _named(digest, keep.dropped)]
    newest = wanted[: keep.newest] if keep.newest else wanted
    gone = [d for d in there if d not in newest and not (d in wanted and _named(d, keep.protected))]
    for rest in (folder / "revisions").glob("[0-9a-f]" * 64):  # of a removal that was cut off
        if not (rest / manifest.FILE_NAME).exists() and not _named(rest.name, keep.protected):
            shutil.rmtree(rest)
    for digest in gone:
        _remove(folder / "revisions" / digest)
        log.info("revision removed", extra={"revision": digest})
    return gone


def _published(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.glob(f"revisions/*/{manifest.FILE_NAME}"):
        try:
            found = manifest.read(path.parent)
        except manifest.ManifestError as error:  # it may be the last copy of something: that is for a person
            log.warning("passed over: %s", error)
            continue
        if found.digest == path.parent.name:
            yield found.created_at, found.digest


def _named(digest: str, names: tuple[str, ...]) -> bool:
    return any(len(name) >= 12 and digest.startswith(name) for name in names)


def _remove(revision: Path) -> None:
    """Remove a revision so that it is never seen half: without its manifest it was never published."""
    (revision / manifest.FILE_NAME).unlink()
    shutil.rmtree(revision)
