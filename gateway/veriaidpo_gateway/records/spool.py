"""Rows on disk while the database is away: one file a chain, synced before anybody relies on it, bounded.

The file is this process's own while it lives. One that a process left behind is anybody's who finds it: rows
say which chain and place they are of, so that taking some of them twice changes nothing.
"""

import fcntl
import io
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from veriaidpo_gateway.records.rows import Contents, Row

Signed = tuple[str, int, int, int, str, str]
"""A head as its table has it: chain, position, closed, time, link and what was signed."""

_SUFFIX = ".spool"


class Piece(NamedTuple):
    """Some lines of a file: what they hold, how many say nothing that can be read, and where they end."""

    rows: list[Row]
    heads: list[Signed]
    unreadable: int
    upto: int

    @property
    def empty(self) -> bool:
        """Whether there was no line."""
        return not (self.rows or self.heads or self.unreadable)


class Spool:
    """What waits for the database, in a folder; OSError when the disk does not take it."""

    def __init__(self, folder: Path, chain: str, *, most: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._most, self._done, self._end = folder, most, 0, 0
        self.rows = 0
        """How many rows wait in it."""

        # Whoever is told to stop leaves a thread behind that still writes: it and `close` take turns.
        self._turn = threading.Lock()

        # Unbuffered: what the disk refused must not come after what it was cut back to.
        self._file = (folder / f"{chain}{_SUFFIX}").open("w+b", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def waiting(self) -> int:
        """Bytes that the database has not got yet."""
        return self._end - self._done

    @property
    def full(self) -> bool:
        """Whether the folder has reached its bound, with what other processes left there."""
        total = 0
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        return total >= self._most

    def put(self, rows: Sequence[Row], heads: Sequence[Signed] = ()) -> None:
        """Add rows and heads at the end, and wait until they are on the disk: all of them or none."""
        lines = memoryview(b"".join([*map(_row_line, rows), *map(_line, heads)]))
        with self._turn:
            upto = self._end + len(lines)
            try:
                self._file.seek(self._end)
                while lines:
                    lines = lines[self._file.write(lines) :]
                os.fsync(self._file.fileno())
            except OSError:
                os.ftruncate(self._file.fileno(), self._end)
                raise
            self._end = upto
            self.rows += len(rows)

    def next(self, most: int) -> Piece:
        """Read what comes next."""
        with self._turn:
            reader = io.BufferedReader(self._file)
            try:
                return _read(reader, self._done, most)
            finally:
                reader.detach()

    def done(self, piece: Piece) -> None:
        """Forget what the database has got."""
        with self._turn:
            self._done = piece.upto
            self.rows -= len(piece.rows)
            if piece.upto >= self._end:
                self._done = self._end = self.rows = 0
                self._file.truncate(0)

    def left_behind(self) -> Iterator[Path]:
        """Find the files of processes that are no more."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                with path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # somebody's own, or ours
            except OSError:
                pass  # whoever reads it is told why not
            yield path

    def close(self) -> None:
        """Give the file up; it stays while something in it waits."""
        with self._turn:
            if not self.waiting:
                Path(self._file.name).unlink(missing_ok=True)
            self._file.close()


def pieces(path: Path, most: int) -> Iterator[Piece]:
    """Read a file that was left behind, some lines at a time."""
    at = 0
    with path.open("rb") as file:
        while not (piece := _read(file, at, most)).empty:
            at = piece.upto
            yield piece


def _read(file: BinaryIO, at: int, most: int) -> Piece:
    """Read whole lines; one that was being written when its process died is none."""
    rows: list[Row] = []
    heads: list[Signed] = []
    unreadable = 0
    file.seek(at)
    for _ in range(most):
        line: bytes = file.readline()
        if not line.endswith(b"\n"):
            break
        at += len(line)
        try:
            said = _parsed(line)
        except (TypeError, ValueError):
            unreadable += 1
            continue
        if isinstance(said, Row):
            rows.append(said)
        else:
            heads.append(said)
    return Piece(rows, heads, unreadable, at)


def _parsed(line: bytes) -> Row | Signed:
    said = orjson.loads(line)
    if len(said) == len(Contents._fields) + 4:
        chain, position, row_hash, link, *contents = said
        return Row(chain, position, bytes.fromhex(row_hash), bytes.fromhex(link), Contents(*contents))
    chain, position, closed, time, link, signed = said
    return chain, position, closed, time, link, signed


def _row_line(row: Row) -> bytes:
    return _line((row.chain, row.position, row.row_hash.hex(), row.link.hex(), *(row.contents or ())))


def _line(values: tuple[Any, ...]) -> bytes:
    return orjson.dumps(values) + b"\n"
