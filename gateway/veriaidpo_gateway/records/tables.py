"""The tables of records, as `migrations/` makes them."""

from pathlib import Path

import sqlalchemy as sa

from veriaidpo_gateway.database.migrating import Steps
from veriaidpo_gateway.records.rows import Contents

STEPS = Steps(Path(__file__).parent / "migrations", "veriaidpo_records_version", 5_820_417_700_232)

_metadata = sa.MetaData()
_NUMBERS = {"time", "item", "category_id", "confidence", "threshold", "needs_review", "cached"}

record = sa.Table(
    "decision_record",
    _metadata,
    sa.Column("chain", sa.String(16), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("row_hash", sa.LargeBinary),
    sa.Column("link", sa.LargeBinary),
    sa.Column("receipt", sa.String(32)),
    *(sa.Column(name, sa.BigInteger if name in _NUMBERS else sa.Text) for name in Contents._fields),
)
"""One row an answer. What it says is NULL, and `receipt` is not, once it was erased."""

head = sa.Table(
    "record_head",
    _metadata,
    sa.Column("chain", sa.String(16), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("closed", sa.SmallInteger, primary_key=True),
    sa.Column("time", sa.BigInteger),
    sa.Column("link", sa.String(64)),
    sa.Column("signed", sa.Text),
)
"""What was signed about a chain. The other columns only find it: `signed` says all of it again."""

receipt = sa.Table(
    "record_receipt",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("tenant", sa.String(64)),
    sa.Column("time", sa.BigInteger),
    sa.Column("signed", sa.Text),
)

erasure = sa.Table(
    "record_erasure",
    _metadata,
    sa.Column("tenant", sa.String(64), primary_key=True),
    sa.Column("before", sa.BigInteger),
)
"""Tenants whose data had to go, and up to when: for rows that come later, and for cached results."""
