"""The tables of companies, as `migrations/` makes them."""

from pathlib import Path

import sqlalchemy as sa

from veriaidpo_gateway.database.migrating import Steps

STEPS = Steps(Path(__file__).parent / "migrations", "veriaidpo_gateway_version", 5_820_417_700_231)

_metadata = sa.MetaData()

company = sa.Table(
    "company",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("key", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("industry", sa.Text),
    sa.Column("region", sa.Text),
    sa.Column("aliases", sa.JSON),
    sa.Column("exact", sa.JSON),
    sa.Column("ticker", sa.String(12)),
    sa.Column("ticker_verified", sa.Boolean),
    sa.Column("search", sa.Text),
    sa.Column("origin", sa.String(8)),
    sa.Column("version", sa.Integer),
)
"""`key` is the folded name, which no two may share; `search` holds names and ticker, folded, one a line."""

seeded = sa.Table("company_seeded", _metadata, sa.Column("key", sa.Text, primary_key=True))
"""Shipped companies that were put in once: one that was removed since stays away."""

registry = sa.Table(
    "company_registry",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.BigInteger),
)
"""One row: how often companies were changed."""
