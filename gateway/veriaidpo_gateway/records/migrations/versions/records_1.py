"""Records in their chains, what was signed about them, and what is to be erased."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables; an erased row has no contents."""
    op.create_table(
        "decision_record",
        sa.Column("chain", sa.String(16), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
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
    )
    place = ["time", "chain", "position"]
    op.create_index("decision_record_of_tenant", "decision_record", ["tenant", *place])
    op.create_index("decision_record_of_request", "decision_record", ["request_id"])
    op.create_index("decision_record_of_subject", "decision_record", ["tenant", "subject", *place])
    op.create_index("decision_record_of_type", "decision_record", ["tenant", "model_type", *place])
    op.create_index(
        "decision_record_for_review",
        "decision_record",
        ["tenant", *place],
        postgresql_where=sa.text("needs_review = 1"),
        sqlite_where=sa.text("needs_review = 1"),
    )
    op.create_table(
        "record_head",
        sa.Column("chain", sa.String(16), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("closed", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("time", sa.BigInteger, nullable=False, index=True),
        sa.Column("link", sa.String(64), nullable=False),
        sa.Column("signed", sa.Text, nullable=False),
    )
    op.create_table(
        "record_receipt",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False, index=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("signed", sa.Text, nullable=False),
    )
    op.create_table(
        "record_erasure",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("before", sa.BigInteger, nullable=False),
    )
