"""Brings the tables to what this version needs. Any number of replicas may start at once.

Alembic is asked only when there is something to do: it is 10 MB of memory, and a third of the time to start.
"""

import re
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from veriaidpo_gateway.companies.tables import VERSION_TABLE

_LOCK = 5_820_417_700_231
"""Of all programs that use the database, this one's; any number would do."""

_STEPS = Path(__file__).parent / "migrations"
_SAID = re.compile(r'^(revision|down_revision) = (?:"([^"]+)"|None)$', re.MULTILINE)


async def migrate(connection: AsyncConnection) -> None:
    """Take the missing steps, inside the transaction that is open; others wait until it ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if not await connection.run_sync(_is_there):
        await connection.run_sync(_upgrade)


@cache
def newest(steps: Path = _STEPS) -> str:
    """Name the last step: the one that no other comes after. ValueError unless there is exactly one."""
    said = [dict(_SAID.findall(file.read_text())) for file in (steps / "versions").glob("*.py")]
    names: set[str] = {step["revision"] for step in said if "revision" in step}
    (last,) = names - {step.get("down_revision") for step in said}
    return last


def _is_there(connection: Connection) -> bool:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return False
    version = sa.column("version_num", sa.String)
    found = connection.scalars(sa.select(version).select_from(sa.table(VERSION_TABLE)))
    return list(found) == [newest()]


def _upgrade(connection: Connection, step: str = "head") -> None:
    # Late, for its weight.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, step)
    except CommandError as error:
        # A newer version has been here, in a rollout or before a rollback: steps only add, so its tables do.
        if "locate revision" not in str(error):
            raise
