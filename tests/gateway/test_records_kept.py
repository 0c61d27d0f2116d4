"""While the database is away records wait on the disk, then in memory; what follows then is a setting."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from veriaidpo_gateway.database.connecting import Database, DatabaseAwayError, open_database
from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.models.routes import Label, Model
from veriaidpo_gateway.records import recorder as recording
from veriaidpo_gateway.records.answered import Answered, Said, TextHash
from veriaidpo_gateway.records.recorder import Recorder
from veriaidpo_gateway.records.signing import Signer
from veriaidpo_gateway.records.spool import Spool
from veriaidpo_gateway.records.store import RecordStore

from .recording import counts, rows_in, signing_key, verified

LABELS = tuple(Label(f"l{number}", f"Label {number}", f"Nhãn {number}") for number in range(2))
MODEL = Model("principles-vi", "principles", "vi", "text-classification", LABELS)


def answered(number: int) -> Answered:
    said = [Said(MODEL, Inference(1, (0.2, 0.8), False, "5" * 64), cached=False, needs_review=False)]
    caller = Caller("anna", "staff", "t1")
    return Answered(
        1_795_000_000.0 + number, f"request-{number}", None, caller, "vi", "3", f"câu {number}", said
    )


class Fragile(RecordStore):
    """A store whose database is away when the test says so."""

    away = False

    async def prepare(self) -> None:
        self._check()
        await super().prepare()

    async def write(self, *said: Any) -> None:
        self._check()
        await super().write(*said)

    async def newest_heads(self, since: int, *, besides: str) -> dict[str, tuple[int, str]]:
        self._check()
        return await super().newest_heads(since, besides=besides)

    def _check(self) -> None:
        if self.away:
            raise DatabaseAwayError from OSError()


class Here:
    """A recorder on a database in a folder, with a store that can be taken away."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self.database, self.store, self.counts = folder, database, Fragile(database), counts()
        self.key, self.public = signing_key(folder)
        self.now = 1_795_000_000.0

    def recorder(
        self, *, most: int | None = 10**6, when_full: Literal["refuse", "count"] = "refuse"
    ) -> Recorder:
        opened = Recorder(
            self.store,
            signer=Signer(self.key, "KEY"),
            text_hash=TextHash(b"k" * 32),
            counts=self.counts,
            spool=None if most is None else lambda chain: Spool(self.folder / "spool", chain, most=most),
            when_full=when_full,
            clock=lambda: self.now,
        )
        opened._keeper._clock = lambda: self.now
        return opened

    async def requests(self) -> list[str]:
        return [row.contents.request_id for row in await rows_in(self.database) if row.contents is not None]


@pytest.fixture
async def here(tmp_path: Path) -> Any:
    async with open_database(f"sqlite:///{tmp_path / 'records.db'}") as database:
        yield Here(tmp_path, database)


async def test_records_of_the_time_without_a_database_arrive_later_in_their_order(here: Here) -> None:
    recorder = here.recorder()
    for number in range(30):
        here.store.away = 10 <= number < 20
        here.now += 3
        recorder.add(answered(number))
        await recorder.refresh()
    await recorder.close()
    assert await here.requests() == [f"request-{number}" for number in range(30)]
    report = await verified(here.database, here.public)
    assert not report.findings
    assert (report.rows, report.unsigned_rows, report.lost) == (30, 0, 0)
    assert here.counts.spooled.value == 10  # type: ignore[attr-defined]
    assert not list((here.folder / "spool").iterdir())


async def test_what_a_dead_process_left_on_the_disk_is_brought_by_the_next_one(here: Here) -> None:
    here.store.away = True
    dead = here.recorder()
    dead.add(answered(1))
    await dead.refresh()
    dead._keeper._spool._file.close()  # type: ignore[union-attr]  # as the kernel does for a killed process
    here.store.away = False
    (spool,) = (here.folder / "spool").iterdir()
    spool.write_bytes(spool.read_bytes() + b'["half a li')  # it died while it wrote
    successor = here.recorder()
    await successor.refresh()
    await successor.close()
    assert await here.requests() == ["request-1"]
    report = await verified(here.database, here.public)
    assert not report.findings
    assert report.open_chains == 1
    assert not list((here.folder / "spool").iterdir())


async def test_rows_that_come_twice_are_there_once(here: Here) -> None:
    recorder = here.recorder()
    recorder.add(answered(1))
    await recorder.refresh()
    rows = await rows_in(here.database)
    await here.store.write(rows)
    assert await rows_in(here.database) == rows
    await recorder.close()


async def answer_while_away(here: Here, recorder: Recorder, answers: int) -> None:
    """Take the database away, then give so many answers, a round after each."""
    here.store.away = True
    await recorder.refresh()
    for number in range(answers):
        recorder.admit()
        recorder.add(answered(number))
        await recorder.refresh()


async def test_with_everything_full_an_answer_is_refused(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_WAITING", 5)
    recorder = here.recorder(most=1)
    await answer_while_away(here, recorder, 5)
    recorder.add(answered(5))  # was under way when it became full
    with pytest.raises(GatewayError) as refused:
        recorder.admit()
    assert refused.value.code is ErrorCode.RECORDS_FULL
    here.store.away = False
    here.now += 3
    await recorder.refresh()
    recorder.admit()
    await recorder.close()
    assert len(await here.requests()) == 6
    assert not (await verified(here.database, here.public)).findings


async def test_or_given_and_counted_and_the_signed_end_says_how_many(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MOST_WAITING", 5)
    recorder = here.recorder(most=None, when_full="count")
    await answer_while_away(here, recorder, 8)
    assert recorder.health()["status"] == "degraded"
    here.store.away = False
    here.now += 3
    await recorder.close()
    kept = len(await here.requests())
    report = await verified(here.database, here.public)
    assert not report.findings
    assert (kept + report.lost, report.lost) == (8, here.counts.lost.value)  # type: ignore[attr-defined]
    assert report.lost > 0


async def test_what_comes_while_a_round_writes_waits_for_the_next_one(here: Here) -> None:
    recorder = here.recorder()
    await recorder.refresh()
    write, written = here.store.write, 0

    async def counted(*said: Any) -> None:
        nonlocal written
        written += 1
        assert written < 10
        recorder.add(answered(100 + written))
        await write(*said)

    here.store.write = counted  # type: ignore[method-assign]
    recorder.add(answered(1))
    await recorder.refresh()
    assert written == 1
    here.store.write = write  # type: ignore[method-assign]
    await recorder.close()
    assert await here.requests() == ["request-1", "request-101"]


async def test_a_head_is_signed_each_minute_in_which_there_was_something(here: Here) -> None:
    recorder = here.recorder()
    for number in range(5):
        here.now += 61
        if number != 3:
            recorder.add(answered(number))
        await recorder.refresh()
    await recorder.close()
    report = await verified(here.database, here.public)
    assert (
        report.heads == 1 + 3 + 1
    )  # the beginning, three minutes (the first is part of the beginning), the end


async def test_heads_name_the_chains_of_other_replicas(here: Here) -> None:
    one, other = here.recorder(), here.recorder()
    one.add(answered(1))
    await one.refresh()
    await one.close()
    await other.refresh()
    await other.close()
    async with here.database.begin() as connection:
        await connection.exec_driver_sql(f"DELETE FROM decision_record WHERE chain = '{one.chain}'")
        await connection.exec_driver_sql(f"DELETE FROM record_head WHERE chain = '{one.chain}'")
    report = await verified(here.database, here.public)
    assert [tuple(finding) for finding in report.findings] == [("cut", one.chain, 1, 1)]


async def test_an_answer_of_which_no_record_can_be_made_is_lost_alone(
    here: Here, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = here.recorder()
    one = answered(2)
    model = one.said[0].model
    odd = one._replace(said=[one.said[0]._replace(model=replace(model, labels=()))])
    for said in (answered(1), odd, answered(3)):
        recorder.add(said)
    await recorder.refresh()
    recorder.add(odd)
    await recorder.refresh()
    await recorder.close()
    assert await here.requests() == ["request-1", "request-3"]
    report = await verified(here.database, here.public)
    assert (report.findings, report.lost) == ({}, 2)
    assert here.counts.lost.value == 2  # type: ignore[attr-defined]
    assert "an answer cannot be recorded: IndexError" in caplog.text


async def test_health_is_of_now_and_what_was_lost_before_stays_a_number(here: Here) -> None:
    recorder = here.recorder(most=None)
    await recorder.refresh()
    recorder._keeper.lose(1)
    assert (recorder.health()["status"], recorder.health()["lost"]) == ("healthy", 1)
    here.store.away = True
    recorder.add(answered(1))
    await recorder.refresh()
    assert (recorder.health()["status"], recorder.health()["waiting"], recorder.waiting) == ("degraded", 1, 1)
    here.store.away, here.now = False, here.now + 3
    await recorder.refresh()
    assert (recorder.health()["status"], recorder.waiting) == ("healthy", 0)
    await recorder.close()
