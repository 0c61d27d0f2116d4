"""A company's ticker, and whether it was checked; those of shipped companies that are there already."""

import sqlalchemy as sa
from alembic import op

from veriaidpo_gateway.normalisation.companies import shipped_companies
from veriaidpo_gateway.normalisation.folding import fold

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the columns; replicas of the version before write rows without them."""
    op.add_column("company", sa.Column("ticker", sa.String(12), nullable=False, server_default=""))
    op.add_column(
        "company", sa.Column("ticker_verified", sa.Boolean, nullable=False, server_default=sa.false())
    )
    company = sa.table(
        "company",
        *(sa.column(name, sa.Text) for name in ("key", "origin", "search", "ticker")),
        sa.column("ticker_verified", sa.Boolean),
        sa.column("version", sa.Integer),
    )
    known = [one for one in shipped_companies() if one.ticker]
    op.get_bind().execute(
        sa.update(company)
        .where(company.c.key == sa.bindparam("at"), company.c.origin == "shipped")
        .values(
            ticker=sa.bindparam("code"),
            ticker_verified=sa.bindparam("checked"),
            search=company.c.search + sa.bindparam("found_by"),
            version=company.c.version + 1,
        ),
        [
            {
                "at": fold(one.name).text,
                "code": one.ticker,
                "checked": one.ticker_verified,
                "found_by": f"\n{fold(one.ticker).text}",
            }
            for one in known
        ],
    )
