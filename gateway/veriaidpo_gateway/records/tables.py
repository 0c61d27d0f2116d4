"""The tables of records as they are now; `migrations/` makes the same of older ones."""

from pathlib import Path

import sqlalchemy as sa

from veriaidpo_gateway.database.migrating import Steps

_metadata = sa.MetaData()
_PLACE = ("time", "chain", "position")

record = sa.Table(
    "decision_record",
    _metadata,
    sa.Column("chain", sa.String(16), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("row_hash", sa.LargeBinary, nullable=False),
    sa.Column("link", sa.LargeBinary, nullable=False),
    sa.Column("receipt", sa.String(32)),
    sa.Column("salt", sa.String(32)),
    sa.Column("time", sa.BigInteger),
    sa.Column("request_id", sa.String(64)),
    sa.Column("item", sa.Integer),
    sa.Column("tenant", sa.String(64)),
    sa.Column("subject", sa.String(256)),
    sa.Column("model", sa.Text),
    sa.Column("model_type", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("revision", sa.Text),
    sa.Column("label", sa.Text),
    sa.Column("category_id", sa.Integer),
    sa.Column("confidence", sa.Integer),
    sa.Column("threshold", sa.Integer),
    sa.Column("needs_review", sa.SmallInteger),
    sa.Column("cached", sa.SmallInteger),
    sa.Column("normaliser", sa.Text),
    sa.Column("text_hash", sa.String(64)),
    sa.Column("answers", sa.Text),
    sa.Index("decision_record_of_tenant", "tenant", *_PLACE),
    sa.Index("decision_record_of_request", "request_id"),
    sa.Index("decision_record_of_subject", "tenant", "subject", *_PLACE),
    sa.Index("decision_record_of_type", "tenant", "model_type", *_PLACE),
)
"""One row an answer. What it says is NULL, and `receipt` is not, once it was erased."""

# Both databases know this sentence. As an `Index` it would load the ways of both into every process.
_FOR_REVIEW = sa.DDL(  # type: ignore[no-untyped-call]
    f"CREATE INDEX decision_record_for_review ON decision_record (tenant, {', '.join(_PLACE)})"
    " WHERE needs_review = 1"
)
sa.event.listen(record, "after_create", _FOR_REVIEW)

head = sa.Table(
    "record_head",
    _metadata,
    sa.Column("chain", sa.String(16), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("closed", sa.SmallInteger, primary_key=True),
    sa.Column("time", sa.BigInteger, nullable=False, index=True),
    sa.Column("link", sa.String(64), nullable=False),
    sa.Column("signed", sa.Text, nullable=False),
)
"""What was signed about a chain. The other columns only find it: `signed` says all of it again."""

receipt = sa.Table(
    "record_receipt",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("tenant", sa.String(64), nullable=False, index=True),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("signed", sa.Text, nullable=False),
)

erasure = sa.Table(
    "record_erasure",
    _metadata,
    sa.Column("tenant", sa.String(64), primary_key=True),
    sa.Column("before", sa.BigInteger, nullable=False),
)
"""Tenants whose data had to go, and up to when: for rows that come later, and for cached results."""

subject_erasure = sa.Table(
    "record_subject_erasure",
    _metadata,
    sa.Column("tenant", sa.String(64), primary_key=True),
    sa.Column("subject", sa.String(256), primary_key=True),
    sa.Column("before", sa.BigInteger, nullable=False),
)
"""Persons whose data had to go, and up to when: for rows that come later. It is forgotten in time."""

sweep = sa.Table(
    "record_sweep",
    _metadata,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("time", sa.BigInteger, nullable=False),
)
"""One row: when a replica last began to erase what turned up or is too old, so that the others need not."""

STEPS = Steps(
    folder=Path(__file__).parent / "migrations" / "versions",
    version_table="veriaidpo_records_version",
    lock=5_820_417_700_232,
    tables=_metadata,
)
