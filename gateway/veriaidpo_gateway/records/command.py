"""`veriaidpo-gateway records export|verify`: an export of the database, and the proof of either."""

import argparse
import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from veriaidpo_gateway.database.connecting import DatabaseAwayError, open_database
from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.records.exporting import Export, NoExportError, read
from veriaidpo_gateway.records.findings import Report
from veriaidpo_gateway.records.reading import RecordReader
from veriaidpo_gateway.records.signing import PublicKeys

T = TypeVar("T")
S = TypeVar("S", bound=Sequence[Any])
Following = Callable[[Sequence[object]], Coroutine[Any, Any, Sequence[S]]]

MOST_SHOWN = 100
_BUFFER = 1 << 20
PROVEN, BROKEN, NOT_DONE = 0, 1, 2
"""What the command exits with."""


def run(chosen: argparse.Namespace, database_url: str | None) -> int:
    """Do it: 0 when all is well, 1 when something is wrong with the records, 2 when it could not be done."""
    try:
        if chosen.form == "export":
            return _export(chosen, database_url)
        keys = _keys(chosen.key)
        if chosen.file is None:
            with Opened(database_url) as opened, without_cycles():
                return _tell(*opened.export().verified(keys))
        with chosen.file.open("rb", buffering=_BUFFER) as lines, without_cycles():
            return _tell(*read(lines).verified(keys))
    except DatabaseAwayError as error:
        return _fail(f"the database of records is away, or holds no records yet: {error.cause}")
    except NoExportError as error:
        return _fail(f"this is no export: {error}")
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}")


@contextmanager
def without_cycles() -> Iterator[None]:
    """Look for no cycles: rows form none, and looking takes a third of the time that they take."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Opened:
    """A database, read in a thread of its own: the next rows come while some are looked at.

    All of it is of one moment: a row that is erased meanwhile would have no receipt among those read before.
    """

    def __init__(self, url: str | None) -> None:
        if url is None:
            raise InvalidSettingsError("RECORDS_DATABASE_URL or DATABASE_URL is required")
        self._database = open_database(url).snapshot()
        self._reader = RecordReader(self._database)
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ask(self._database.__aexit__()).result()
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def export(self, tenant: str | None = None) -> Export:
        """Take everything, as it is gone through; receipts of one tenant alone if one is named."""
        self._ask(self._database.take()).result()
        reader = self._reader
        heads = self._each(reader.heads, ("", 0, 0))
        receipts = self._each(partial(reader.receipts, tenant), ("",))
        rows = self._each(reader.chained, ("", 0))
        return Export((head[3] for head in heads), (receipt[1] for receipt in receipts), rows)

    def _each(self, following: Following[S], first: tuple[object, ...]) -> Iterator[S]:
        """Go through all behind a place, as they begin with it; some come while others are looked at."""
        coming = self._ask(following(first))
        while some := coming.result():
            coming = self._ask(following(some[-1][: len(first)]))
            yield from some

    def _ask(self, question: Coroutine[Any, Any, T]) -> Future[T]:
        return self._thread.submit(self._runner.run, question)


def _export(chosen: argparse.Namespace, database_url: str | None) -> int:
    with Opened(database_url) as opened, ExitStack() as stack:
        out = stack.enter_context(chosen.out.open("wb")) if chosen.out else sys.stdout.buffer
        for line in opened.export(chosen.tenant).written(chosen.tenant):
            out.write(line)
    return PROVEN


def _keys(file: Path) -> PublicKeys:
    try:
        return PublicKeys(file.read_bytes())
    except ValueError as error:
        raise InvalidSettingsError(f"--key: {error}") from error


def _tell(report: Report, forged: int) -> int:
    for finding in list(report.findings)[:MOST_SHOWN]:
        rows = (
            f"row {finding.first}"
            if finding.first == finding.last
            else f"rows {finding.first}-{finding.last}"
        )
        print(f"{finding.kind.value}: chain {finding.chain}, {rows}")
    if len(report.findings) > MOST_SHOWN:
        print(f"... and {len(report.findings) - MOST_SHOWN} more")
    if forged:
        print(f"unsigned: {forged} heads or receipts that no given key has signed")
    print(
        f"{report.rows} rows in {report.chains} chains, {report.heads} signed heads; "
        f"{report.erased} erased by receipt, {report.withheld} withheld, {report.lost} answers not recorded, "
        f"{report.unsigned_rows} rows after the last head, {report.open_chains} chains not closed"
    )
    wrong = bool(report.findings or forged)
    print("NOT PROVEN" if wrong else "proven: nothing was removed, changed, added, moved or cut")
    return BROKEN if wrong else PROVEN


def _fail(said: str) -> int:
    print(f"veriaidpo-gateway: {said}", file=sys.stderr)
    return NOT_DONE
