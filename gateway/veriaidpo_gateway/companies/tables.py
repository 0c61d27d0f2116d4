"""The tables of companies as they are now; `migrations/` makes the same of older ones."""

from pathlib import Path

import sqlalchemy as sa

from veriaidpo_gateway.database.migrating import Steps

_metadata = sa.MetaData()

company = sa.Table(
    "company",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("industry", sa.Text, nullable=False),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("aliases", sa.JSON, nullable=False),
    sa.Column("exact", sa.JSON, nullable=False),
    sa.Column("ticker", sa.String(12), nullable=False, server_default=""),
    sa.Column("ticker_verified", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("search", sa.Text, nullable=False),
    sa.Column("origin", sa.String(8), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
"""`key` is the folded name, which no two may share; `search` holds names and ticker, folded, one a line."""

seeded = sa.Table("company_seeded", _metadata, sa.Column("key", sa.Text, primary_key=True))
"""Shipped companies that were put in once: one that was removed since stays away."""

registry = sa.Table(
    "company_registry",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
)
"""One row: how often companies were changed."""

STEPS = Steps(
    folder=Path(__file__).parent / "migrations" / "versions",
    version_table="veriaidpo_gateway_version",
    lock=5_820_417_700_231,
    tables=_metadata,
    rows={registry: {"id": 1, "revision": 0}},
)
