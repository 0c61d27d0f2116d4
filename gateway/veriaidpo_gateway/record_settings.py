"""Whether answers are recorded, with which keys, and what happens while the records' database is away."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from veriaidpo_gateway import environment
from veriaidpo_gateway.environment import InvalidSettingsError

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """How decisions are recorded.

    `key` is what normalised texts are hashed with; `signing_key_file` holds the P-256 key that heads and
    receipts are signed with. Without a `spool` folder records wait in memory alone.
    """

    key: bytes = field(repr=False)
    signing_key_file: Path
    database_url: str | None = field(default=None, repr=False)
    """A database of their own; None: the one that companies are in."""

    spool: Path | None = None
    spool_bytes: int = 64 * MEGABYTE
    when_full: Literal["refuse", "count"] = "count"


def read(
    environ: Mapping[str, str], service_key_file: Path | None, cache_key: str | None
) -> RecordSettings | None:
    """Read them; None when nothing is to be recorded. InvalidSettingsError for what is missing or wrong."""
    if not environment.flag(environ, "RECORDS"):
        return None
    key = environment.secret(environ, "RECORDS_KEY") or cache_key
    signing_key = environment.text(environ, "RECORDS_SIGNING_KEY_FILE")
    signing_key_file = Path(signing_key) if signing_key else service_key_file
    database_url = environment.secret(environ, "RECORDS_DATABASE_URL")
    spool = environment.text(environ, "RECORDS_SPOOL_DIR")
    if key is None:
        raise InvalidSettingsError("RECORDS: RECORDS_KEY or CACHE_KEY is required, to hash texts with")
    if signing_key_file is None:
        raise InvalidSettingsError("RECORDS: RECORDS_SIGNING_KEY_FILE or SERVICE_KEY_FILE is required")
    if database_url is None and environment.secret(environ, "DATABASE_URL") is None:
        raise InvalidSettingsError("RECORDS: DATABASE_URL or RECORDS_DATABASE_URL is required")
    return RecordSettings(
        key=key.encode(),
        signing_key_file=signing_key_file,
        database_url=database_url,
        spool=Path(spool) if spool else None,
        spool_bytes=MEGABYTE * environment.number(environ, "RECORDS_SPOOL_MB", 64, lowest=1),
        when_full=_when_full(environ),
    )


def _when_full(environ: Mapping[str, str]) -> Literal["refuse", "count"]:
    said = environment.text(environ, "RECORDS_WHEN_FULL") or "count"
    if said == "refuse":
        return "refuse"
    if said == "count":
        return "count"
    raise InvalidSettingsError("RECORDS_WHEN_FULL: refuse or count")
