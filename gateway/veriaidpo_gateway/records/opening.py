"""Puts together what records, reads and erases, as the settings want it."""

from dataclasses import dataclass

from veriaidpo_gateway.database.connecting import Database
from veriaidpo_gateway.record_settings import RecordSettings
from veriaidpo_gateway.records.answered import SubjectHash, TextHash
from veriaidpo_gateway.records.counts import Counts
from veriaidpo_gateway.records.erasing import Eraser
from veriaidpo_gateway.records.ordering import Orders
from veriaidpo_gateway.records.reading import RecordReader
from veriaidpo_gateway.records.recorder import Recorder
from veriaidpo_gateway.records.signing import Signer
from veriaidpo_gateway.records.spool import Spool
from veriaidpo_gateway.records.store import RecordStore
from veriaidpo_gateway.records.sweeping import Retention, Sweeper


@dataclass(frozen=True, slots=True)
class Records:
    """All that has to do with records in one gateway."""

    recorder: Recorder
    reader: RecordReader
    sweeper: Sweeper


def open_records(
    settings: RecordSettings | None, database: Database, counts: Counts, retention: Retention
) -> Records | None:
    """Begin a chain, None where nothing is recorded; InvalidSettingsError for a key that cannot sign."""
    if settings is None:
        return None
    folder, most = settings.spool, settings.spool_bytes
    signer = Signer(settings.signing_key_file, "RECORDS_SIGNING_KEY_FILE")
    recorder = Recorder(
        RecordStore(database),
        signer=signer,
        text_hash=TextHash(settings.key),
        counts=counts,
        spool=(lambda chain: Spool(folder, chain, most=most)) if folder else None,
        when_full=settings.when_full,
    )
    eraser = Eraser(database, signer, SubjectHash(settings.key))
    return Records(recorder, RecordReader(database), Sweeper(Orders(database), eraser, recorder, retention))
