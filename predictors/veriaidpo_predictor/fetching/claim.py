"""pvc://: files that somebody else put on a volume, which is mounted here read-only.

They are copied and verified as those of any other source are: what is served must not change under a
predictor, whoever may write to the volume they came from.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from veriaidpo_predictor.fetching import selection
from veriaidpo_predictor.fetching.source import (
    MOST_FILES,
    Listing,
    PassingError,
    Patience,
    SourceFile,
    commit_of,
)
from veriaidpo_predictor.outcome import FetchError, Reason

_CHUNK_BYTES = 1 << 20


class Claim:
    """The files below a folder; links are not followed, neither that of the folder nor any below it."""

    def __init__(self, root: Path, folder: str, *, patience: Patience) -> None:
        self._folder = root / folder
        if self._folder.resolve() != Path(os.path.normpath(root.resolve() / folder)):
            raise FetchError(Reason.SOURCE_REFUSED, "The source's folder is reached by a link.")
        self.patience = patience

    @property
    def known(self) -> str | None:
        """Nothing: anybody may have written since."""
        return None

    def listing(self) -> Listing:
        """Read every file that may be fetched; its sha256 is what it is asked for afterwards."""
        try:
            paths = [path.relative_to(self._folder).as_posix() for path in self._paths()]
            files = tuple(self._file(path) for path in sorted(paths))
        except FileNotFoundError:
            raise FetchError(Reason.SOURCE_NOT_FOUND, "The claim does not have this folder.") from None
        except PermissionError:
            raise FetchError(Reason.SOURCE_UNAUTHORIZED, "The claim's files may not be read.") from None
        return Listing(commit_of((file.path, file.sha256) for file in files if file.sha256), files)

    @contextmanager
    def bytes_from(self, file: SourceFile, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open a file at an offset."""
        descriptor = _open(self._folder / file.path)
        try:
            yield offset, _chunks(descriptor, offset)
        except OSError as error:
            if error.errno not in {errno.EIO, errno.ESTALE}:
                raise
            raise PassingError("The claim cannot be read just now") from error
        finally:
            os.close(descriptor)

    def _paths(self) -> Iterator[Path]:
        if not self._folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no folder", str(self._folder))
        count = 0
        for folder, _, names in os.walk(self._folder, followlinks=False):
            count += len(names)
            if count > MOST_FILES:
                raise FetchError(Reason.SOURCE_REFUSED, "There are too many files below the source's folder.")
            yield from (Path(folder) / name for name in names)

    def _file(self, path: str) -> SourceFile:
        place = self._folder / path
        if not selection.is_known(path):
            return SourceFile(path, 0)
        if not stat.S_ISREG(place.lstat().st_mode):
            return SourceFile(f"{path} (not a file)", 0)
        with open(_open(place), "rb", buffering=0) as file:
            digest = hashlib.file_digest(file, "sha256")
            return SourceFile(path, file.tell(), digest.hexdigest())


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FetchError(Reason.SOURCE_UNREACHABLE, "The source was changed while it was fetched.") from None


def _chunks(descriptor: int, offset: int) -> Iterator[bytes]:
    while chunk := os.pread(descriptor, _CHUNK_BYTES, offset):
        offset += len(chunk)
        yield chunk
