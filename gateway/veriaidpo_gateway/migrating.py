"""Brings the tables to what this version needs. Any number of replicas may start at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = 5_820_417_700_231
"""Of all programs that use the database, this one's; any number would do."""

_STEPS = Path(__file__).parent / "migrations"


async def migrate(connection: AsyncConnection) -> None:
    """Take the missing steps, inside the transaction that is open; others wait until it ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        # A newer version has been here, in a rollout or before a rollback: steps only add, so its tables do.
        if "locate revision" not in str(error):
            raise
