"""An empty database gets its tables at once; they are those that all steps of Alembic make."""

import secrets
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from veriaidpo_gateway.companies.tables import STEPS as COMPANIES
from veriaidpo_gateway.database import migrating
from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.database.migrating import Steps
from veriaidpo_gateway.records.tables import STEPS as RECORDS


@pytest.mark.parametrize("steps", [COMPANIES, RECORDS], ids=["companies", "records"])
async def test_in_sqlite(steps: Steps) -> None:
    await same_tables(None, None, steps)


@pytest.mark.parametrize("steps", [COMPANIES, RECORDS], ids=["companies", "records"])
async def test_in_postgresql(steps: Steps, postgres: Any, another: str) -> None:
    await same_tables(postgres[1], another, steps)


@pytest.fixture
def another(postgres_server: Any) -> str:
    return str(postgres_server.create(f"d{secrets.token_hex(6)}"))


async def same_tables(url: str | None, another: str | None, steps: Steps) -> None:
    """Take all steps in one empty database and none in another: both have the same."""
    async with open_database(url) as stepped, stepped.begin() as connection:
        await connection.run_sync(migrating.upgrade, steps)
        one = await connection.run_sync(_described)
    async with open_database(another) as made, made.begin() as connection:
        await migrating.migrate(connection, steps)
        other = await connection.run_sync(_described)
        await connection.run_sync(migrating.upgrade, steps)  # which finds the version, and does nothing
        assert await connection.run_sync(_described) == other
    assert len(other) > 2
    assert other == one


def _described(connection: Connection) -> dict[str, Any]:
    """Tell all that a database says of its tables, and how many rows each begins with."""
    inspector = sa.inspect(connection)
    return {
        name: {
            "columns": {
                column["name"]: {what: str(said) for what, said in column.items()}
                for column in inspector.get_columns(name)
            },
            "key": inspector.get_pk_constraint(name),
            "unique": inspector.get_unique_constraints(name),
            "indexes": [
                {**index, "dialect_options": {at: str(said) for at, said in index["dialect_options"].items()}}
                for index in inspector.get_indexes(name)
            ],
            "rows": connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name))),
        }
        for name in inspector.get_table_names()
    }
