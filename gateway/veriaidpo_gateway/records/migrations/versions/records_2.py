"""Orders to erase one person's records, and whose turn it is to erase what turned up since."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Make two more tables."""
    op.create_table(
        "record_subject_erasure",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(256), primary_key=True),
        sa.Column("before", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "record_sweep",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("time", sa.BigInteger, nullable=False),
    )
