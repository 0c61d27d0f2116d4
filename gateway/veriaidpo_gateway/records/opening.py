"""Puts together what records, as the settings want it."""

from veriaidpo_gateway.database.connecting import Database
from veriaidpo_gateway.record_settings import RecordSettings
from veriaidpo_gateway.records.answered import TextHash
from veriaidpo_gateway.records.keeping import Counts
from veriaidpo_gateway.records.recorder import Recorder
from veriaidpo_gateway.records.signing import Signer
from veriaidpo_gateway.records.spool import Spool
from veriaidpo_gateway.records.store import RecordStore


def open_recorder(settings: RecordSettings | None, database: Database, counts: Counts) -> Recorder | None:
    """Begin a chain, None where nothing is recorded; InvalidSettingsError for a key that cannot sign."""
    if settings is None:
        return None
    folder, most = settings.spool, settings.spool_bytes
    return Recorder(
        RecordStore(database),
        signer=Signer(settings.signing_key_file, "RECORDS_SIGNING_KEY_FILE"),
        text_hash=TextHash(settings.key),
        counts=counts,
        spool=(lambda chain: Spool(folder, chain, most=most)) if folder else None,
        when_full=settings.when_full,
    )
