"""Published revisions: finding one that will do, and making a new one appear all at once."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from veriaidpo_predictor import labels, manifest
from veriaidpo_predictor.fetching import recipes
from veriaidpo_predictor.fetching.spec import FetchSpec
from veriaidpo_predictor.files import CONFIG
from veriaidpo_predictor.manifest import Manifest
from veriaidpo_predictor.outcome import FetchError

log = logging.getLogger("veriaidpo.publishing")


@dataclass(frozen=True, slots=True)
class Published:
    """A revision on the volume, verified just now."""

    manifest: Manifest
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Result:
    """A revision on the volume; `how` is Published or Adopted."""

    how: str
    manifest: Manifest
    downloaded: int = 0
    warnings: list[str] = field(default_factory=list)
    away: FetchError | None = None
    """Why the source could not be asked, where the revision was adopted for that."""


class Volume:
    """The part of a volume that belongs to one model: ROOT/models/NAME."""

    def __init__(self, root: Path, spec: FetchSpec) -> None:
        self.folder = root / "models" / spec.name
        self._spec = spec

    def staging(self, key: str) -> Path:
        """Give the folder where an attempt collects its files."""
        folder = self.folder / "staging" / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def revision(self, digest: str) -> Path:
        """Give the place of a revision."""
        return self.folder / "revisions" / digest

    def find(self, *, commit: str | None = None, revision: str | None = None) -> Published | None:
        """Find a sound revision of the spec's source by its commit or by the branch it was asked for as."""
        return self._find(recipes.would_be_made_again, commit=commit, revision=revision)

    def find_any(self, revision: str) -> Published | None:
        """Find one for when nothing can be fetched: also one that would be made otherwise here and now."""
        best = self._find(recipes.would_be_made_again, revision=revision)
        return best or self._find(recipes.is_asked, revision=revision)

    def _find(
        self,
        will_do: Callable[[Manifest, FetchSpec], bool],
        *,
        commit: str | None = None,
        revision: str | None = None,
    ) -> Published | None:
        for found in self._manifests():
            same = found.source.commit == commit if commit else found.source.revision == revision
            if same and found.source.uri == self._spec.source.uri and will_do(found, self._spec):
                published = self._adopt(found)
                if published is not None:
                    return published
        return None

    def publish(self, staging: Path, made: Manifest) -> Published | None:
        """Turn a complete staging folder into a revision by one rename.

        Gives the revision that was there already, if there was a sound one, and None otherwise. What a crash
        leaves behind at any point is either a staging folder or a whole revision.
        """
        target = self.revision(made.digest)
        if target.exists():
            found = self._existing(target)
            if found is not None:
                return found
            log.warning("a damaged revision is replaced", extra={"revision": made.digest})
            shutil.rmtree(target)
        _drop_others(staging, set(made.files))
        _write(staging / manifest.FILE_NAME, manifest.encode(made))
        for path in _files(staging):
            path.chmod(0o444)
        target.parent.mkdir(parents=True, exist_ok=True)
        for folder in sorted({path.parent for path in _files(staging)}, reverse=True):
            _sync(folder)
        staging.rename(target)
        _sync(target.parent)
        return None

    def tidy(self) -> None:
        """Drop what earlier attempts left, once a revision is there."""
        shutil.rmtree(self.folder / "staging", ignore_errors=True)

    def _manifests(self) -> list[Manifest]:
        """Read what says of itself that it is this model's, the newest first."""
        read = []
        for path in self.folder.glob(f"revisions/*/{manifest.FILE_NAME}"):
            try:
                found = manifest.read(path.parent)
            except manifest.ManifestError as error:
                log.warning("passed over: %s", error)
                continue
            if found.digest == path.parent.name and found.model == self._spec.name:
                read.append(found)
        return sorted(read, key=lambda found: (found.created_at, found.digest), reverse=True)

    def _existing(self, target: Path) -> Published | None:
        try:
            return self._adopt(manifest.read(target))
        except manifest.ManifestError as error:
            log.warning("not adopted: %s", error)
            return None

    def _adopt(self, found: Manifest) -> Published | None:
        """Verify a revision and hold it against the spec; None when it is damaged or not what is pinned."""
        spec, folder = self._spec, self.revision(found.digest)
        try:
            manifest.verify(folder, found)
        except manifest.ManifestError as error:
            log.warning("not adopted: %s", error)
            return None
        pins = {pin.path: pin.sha256 for pin in spec.source.files}
        known = {**found.files, **(found.source.files or {})}
        if any(entry.sha256 != pins.get(path, entry.sha256) for path, entry in known.items()):
            return None
        warnings = labels.check(folder / CONFIG, spec.labels, spec.task)
        if found.conversion is not None and found.conversion.message:
            warnings.append(found.conversion.message)
        kept = (found.labels, found.golden_sentences, found.max_tokens)
        if kept != (spec.labels, spec.golden_sentences, spec.max_tokens):
            warnings.append(
                "The revision keeps the labels, golden sentences and limits it was published with."
            )
        return Published(found, warnings)


def _drop_others(folder: Path, wanted: set[str]) -> None:
    for path in list(_files(folder)):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder last through a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
