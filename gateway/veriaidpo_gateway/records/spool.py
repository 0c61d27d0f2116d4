"""Rows on disk while the database is away: one file a chain, synced before anybody relies on it, bounded.

The file is this process's own while it lives. One that a process left behind is anybody's who finds it: rows
say which chain and place they are of, so that taking some of them twice changes nothing.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from veriaidpo_gateway.records.rows import Contents, Row

Signed = tuple[str, int, int, int, str, str]
"""A head as its table has it: chain, position, closed, time, link and what was signed."""

_SUFFIX = ".spool"


class Spool:
    """What waits for the database, in a folder; OSError when the disk does not take it."""

    def __init__(self, folder: Path, chain: str, *, most: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._most, self._done = folder, most, 0
        self._file = (folder / f"{chain}{_SUFFIX}").open("w+b")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def waiting(self) -> int:
        """Bytes that the database has not got yet."""
        return self._size() - self._done

    @property
    def full(self) -> bool:
        """Whether it has reached its bound."""
        return self._size() >= self._most

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def put(self, rows: Sequence[Row], heads: Sequence[Signed] = ()) -> None:
        """Add rows and heads at the end, and wait until they are on the disk: all of them or none."""
        before = self._size()
        try:
            self._file.seek(before)
            self._file.write(b"".join([*map(_row_line, rows), *map(_line, heads)]))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(before)
            raise

    def next(self, most: int) -> tuple[list[Row], list[Signed], int]:
        """Read what comes next, and up to where that is."""
        return _read(self._file, self._done, most)

    def done(self, upto: int) -> None:
        """Forget what the database has got."""
        self._done = upto
        if upto >= self._size():
            self._file.truncate(0)
            self._done = 0

    def left_behind(self) -> Iterator[Path]:
        """Find the files of processes that are no more."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    continue  # somebody's own, or ours
                yield path

    def close(self) -> None:
        """Give the file up; it stays while something in it waits."""
        if not self.waiting:
            Path(self._file.name).unlink(missing_ok=True)
        self._file.close()


def pieces(path: Path, most: int) -> Iterator[tuple[list[Row], list[Signed]]]:
    """Read a file that was left behind, some lines at a time."""
    at = 0
    with path.open("rb") as file:
        while True:
            rows, heads, upto = _read(file, at, most)
            if upto == at:
                return
            at = upto
            yield rows, heads


def _read(file: Any, at: int, most: int) -> tuple[list[Row], list[Signed], int]:
    """Read whole lines; one that was being written when its process died is none."""
    rows: list[Row] = []
    heads: list[Signed] = []
    file.seek(at)
    for _ in range(most):
        line: bytes = file.readline()
        if not line.endswith(b"\n"):
            break
        at += len(line)
        said = orjson.loads(line)
        if len(said) == len(Contents._fields) + 4:
            chain, position, row_hash, link, *contents = said
            rows.append(
                Row(chain, position, bytes.fromhex(row_hash), bytes.fromhex(link), Contents(*contents))
            )
        else:
            heads.append(tuple(said))
    return rows, heads, at


def _row_line(row: Row) -> bytes:
    return _line((row.chain, row.position, row.row_hash.hex(), row.link.hex(), *(row.contents or ())))


def _line(values: tuple[Any, ...]) -> bytes:
    return orjson.dumps(values) + b"\n"
