"""Bytes on their way: a folder on the volume, kept between attempts, its files verified as they arrive."""

import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from veriaidpo_predictor.fetching.progress import Progress
from veriaidpo_predictor.fetching.selection import Selection, Wanted
from veriaidpo_predictor.fetching.source import PassingError, Source
from veriaidpo_predictor.manifest import FileEntry
from veriaidpo_predictor.outcome import FetchError, Reason

_SPARE_BYTES = 16 << 20
_READ_BYTES = 4 << 20


class _Digests:
    """sha256, which the manifest records, and git's blob id or MD5 where that is all the source tells."""

    def __init__(self, file: Wanted) -> None:
        self._file = file
        self.restart()

    def restart(self) -> None:
        self._sha256 = hashlib.sha256()
        self._others = []
        blob_id, md5 = self._file.source.blob_id, self._file.source.md5
        if blob_id and not self._file.sha256:
            prefix = b"blob %d\0" % self._file.size
            self._others.append((blob_id, hashlib.sha1(prefix, usedforsecurity=False)))
        if md5 and not self._file.sha256:
            self._others.append((md5, hashlib.md5(usedforsecurity=False)))
        self.length = 0

    def update(self, data: bytes) -> None:
        self._sha256.update(data)
        for _, digest in self._others:
            digest.update(data)
        self.length += len(data)

    def match(self) -> bool:
        """Tell whether these are the bytes that were announced."""
        if self.length != self._file.size or self._file.sha256 not in {None, self.sha256}:
            return False
        return all(digest.hexdigest() == told for told, digest in self._others)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()


class Staging:
    """Downloads the files of a selection into `folder`, from where an earlier attempt left off."""

    def __init__(self, folder: Path, *, source: Source, progress: Progress) -> None:
        self.folder = folder
        self.downloaded = 0
        self._source = source
        self._progress = progress

    def check_space(self, selection: Selection, *, beside: int) -> None:
        """Raise FetchError(OUT_OF_SPACE) when what is still missing, and so many bytes beside, do not fit."""
        there = sum(min(file.size, _size(self.folder / file.path)) for file in selection.files)
        need = selection.size - there + beside + _SPARE_BYTES
        free = shutil.disk_usage(self.folder).free
        if need > free:
            raise FetchError(
                Reason.OUT_OF_SPACE,
                f"The volume has {free} bytes free; {need} are needed for a model of {selection.size} bytes.",
            )

    def fetch(self, file: Wanted) -> FileEntry:
        """Fetch one file and give its digest; what is already here is verified and not fetched again.

        A file with other bytes than announced is thrown away and fetched anew once: what an earlier attempt
        left may have rotted. The second time it is the source.
        """
        path = self.folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            self._progress.file(file.path)
            digests = self._complete(file, path)
            if digests.match():
                return FileEntry(sha256=digests.sha256, size=file.size)
            path.unlink()
            self._progress.back(digests.length)
        raise FetchError(Reason.CHECKSUM_MISMATCH, f"{file.path} is not what the source announces.")

    def _complete(self, file: Wanted, path: Path) -> _Digests:
        """Append to a file until it has its size; gives the digests of all of it."""
        failures = 0
        digests = _Digests(file)
        if path.exists():
            path.chmod(0o644)  # an attempt that ended right before publishing left it read-only
        with path.open("a+b") as out:
            self._read(file, out.fileno(), digests)
            while digests.length < file.size:
                before = digests.length
                try:
                    self._append(file, out.fileno(), digests)
                except PassingError as error:
                    failures = 1 if digests.length > before else failures + 1
                    self._source.patience.wait(error, failures)
            os.fsync(out.fileno())
        return digests

    def _read(self, file: Wanted, out: int, digests: _Digests) -> None:
        """Take in what an earlier attempt left; more than the file's size is of no use."""
        if os.fstat(out).st_size > file.size:
            os.ftruncate(out, 0)
        while data := os.pread(out, _READ_BYTES, digests.length):
            digests.update(data)
        self._progress.add(digests.length)

    def _append(self, file: Wanted, out: int, digests: _Digests) -> None:
        """Add what one answer of the source holds; raises PassingError when more should have come."""
        with self._source.bytes_from(file.source, digests.length) as (start, chunks):
            if start != digests.length:  # the source does not serve ranges: from the beginning, then
                os.ftruncate(out, 0)
                self._progress.back(digests.length)
                digests.restart()
            for chunk in chunks:
                if digests.length + len(chunk) > file.size:
                    raise FetchError(
                        Reason.CHECKSUM_MISMATCH, f"{file.path} is longer than the source announces."
                    )
                _write(out, chunk)
                digests.update(chunk)
                self.downloaded += len(chunk)
                self._progress.add(len(chunk))
        if digests.length < file.size:
            raise PassingError("The source sent less of a file than it announced")


def _write(out: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def naming_full_disks() -> Iterator[None]:
    """Turn the errors of a volume that is full, or may not be written to, into the failure that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise FetchError(Reason.OUT_OF_SPACE, "The volume is full.") from error
        if error.errno in {errno.EROFS, errno.EACCES}:
            raise FetchError(Reason.VOLUME_READ_ONLY, "The volume cannot be written to.") from error
        raise


@contextmanager
def alone(
    folder: Path, *, seconds: float = 60.0, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold off another fetch of the same model on this volume; the lock goes with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("ab") as lock:
        end = time.monotonic() + seconds
        while not _locked(lock.fileno()):
            if time.monotonic() >= end:
                raise FetchError(Reason.INTERNAL, "Another fetch of this model is running.")
            sleep(0.5)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # some network volumes know no locks; deterministic names have to do there
        if error.errno not in {errno.ENOLCK, errno.ENOTSUP, errno.EINVAL}:
            raise
    return True
