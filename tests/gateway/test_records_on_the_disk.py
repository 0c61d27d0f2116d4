"""The disk that records wait on may be full, torn or unreadable: what it has not kept is counted as lost."""

import asyncio
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.records import spool
from veriaidpo_gateway.records.answered import TextHash, contents_of
from veriaidpo_gateway.records.rows import beginning, chained
from veriaidpo_gateway.records.spool import Spool

from .recording import verified
from .test_records_kept import Here, answered


@pytest.fixture
async def here(tmp_path: Path) -> Any:
    async with open_database(f"sqlite:///{tmp_path / 'records.db'}") as database:
        yield Here(tmp_path, database)


async def test_an_unreadable_line_is_lost_alone_and_ends_neither_a_round_nor_a_start(here: Here) -> None:
    here.store.away = True
    dead = here.recorder()
    for number in range(3):
        dead.add(answered(number))
    await dead.refresh()
    dead._keeper._spool._file.close()  # type: ignore[union-attr]
    (file,) = (here.folder / "spool").iterdir()
    head, first, second, third = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(head + first + second[:40] + b"\n" + third)
    here.store.away = False
    successor = here.recorder()
    for _ in range(2):
        await successor.refresh()
    assert await here.requests() == ["request-0", "request-2"]
    assert successor.health()["lost"] == here.counts.lost.value == 1  # type: ignore[attr-defined]
    await successor.close()
    assert list((here.folder / "spool").iterdir()) == [], "whom the line names no order to erase would find"
    report = await verified(here.database, here.public)
    assert report.lost == 1
    assert [finding.kind for finding in report.findings] == ["removed"]


@pytest.fixture
def small_files() -> Iterator[Callable[[int], None]]:
    """Let no file grow over so many bytes, like a disk that is full; until the end of the test."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


async def test_a_disk_that_takes_half_of_it_has_taken_nothing(
    here: Here, small_files: Callable[[int], None]
) -> None:
    disk = Spool(here.folder, "c" * 16, most=10**6)
    rows = list(chained("c" * 16, beginning("c" * 16), (contents_of(answered(1), TextHash(b"k")),) * 40))
    disk.put(rows[:1])
    waiting = disk.waiting
    small_files(waiting * 3)
    for _ in range(2):
        with pytest.raises(OSError, match="File too large"):
            disk.put(rows[1:])
    assert disk.waiting == waiting == (here.folder / f"{'c' * 16}.spool").stat().st_size
    disk.put(rows[1:2])
    small_files(10**6)
    disk.put(rows[2:])
    piece = disk.next(100)
    assert (piece.rows, piece.unreadable) == (rows, 0)
    disk.done(piece)
    assert (disk.waiting, disk.rows) == (0, 0)
    disk.close()


async def test_a_disk_that_cannot_be_read_is_gone_on_without(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.store.away = True
    recorder = here.recorder()
    recorder.add(answered(1))
    await recorder.refresh()
    monkeypatch.setattr(Spool, "next", raising(OSError()))
    here.store.away = False
    here.now += 3
    recorder.add(answered(2))
    await recorder.refresh()
    assert await here.requests() == ["request-2"]
    assert recorder.health()["lost"] == 1
    await recorder.close()


def raising(error: Exception) -> Callable[..., None]:
    def fails(*_: object) -> None:
        raise error

    return fails


async def test_what_dead_processes_left_counts_to_the_bound_of_the_disk(here: Here) -> None:
    disk = Spool(here.folder, "c" * 16, most=1_000)
    full = [disk.full]
    (here.folder / "dead.spool").write_bytes(b"x" * 1_000)
    full.append(disk.full)
    assert full == [False, True]
    disk.close()


async def test_who_stops_in_the_midst_of_a_write_waits_for_it_before_the_next_one(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.store.away = True
    recorder = here.recorder()
    await recorder.refresh()
    synced, begun = os.fsync, threading.Event()

    def slowly(file: int) -> None:
        begun.set()
        time.sleep(0.1)
        synced(file)

    monkeypatch.setattr(os, "fsync", slowly)
    recorder.add(answered(1))
    under_way = asyncio.create_task(recorder.refresh())
    await asyncio.to_thread(begun.wait)
    under_way.cancel()
    await asyncio.gather(under_way, return_exceptions=True)
    recorder.add(answered(2))
    await recorder.close()
    here.store.away = False
    successor = here.recorder()
    await successor.refresh()
    await successor.close()
    assert await here.requests() == ["request-1", "request-2"]
    report = await verified(here.database, here.public)
    assert (report.findings, report.lost) == ({}, 0)


async def test_what_a_process_left_is_read_beside_the_requests(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.store.away = True
    dead = here.recorder()
    dead.add(answered(1))
    await dead.refresh()
    dead._keeper._spool._file.close()  # type: ignore[union-attr]
    here.store.away = False
    read, readers = spool._read, set[int]()

    def noted(*said: Any) -> Any:
        readers.add(threading.get_ident())
        return read(*said)

    monkeypatch.setattr(spool, "_read", noted)
    successor = here.recorder()
    await successor.refresh()
    assert await here.requests() == ["request-1"]
    assert readers
    assert threading.get_ident() not in readers
    await successor.close()


async def test_what_is_held_at_the_end_is_lost_and_the_last_head_speaks_of_what_was_kept(here: Here) -> None:
    recorder = here.recorder(most=None)
    recorder.add(answered(1))
    await recorder.refresh()
    here.store.away = True
    recorder.add(answered(2))
    await recorder.refresh()
    here.now += 3
    closing = recorder._keeper.others

    async def back(*said: Any) -> Any:
        here.store.away, here.now = False, here.now + 3
        return await closing(*said)

    recorder._keeper.others = back  # type: ignore[method-assign,assignment]
    await recorder.close()
    report = await verified(here.database, here.public)
    assert not report.findings
    assert (report.rows, report.lost, report.unsigned_rows, report.open_chains) == (1, 1, 0, 0)
    assert here.counts.lost.value == 1  # type: ignore[attr-defined]
