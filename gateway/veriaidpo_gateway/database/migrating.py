"""Brings tables to what this version needs. Any number of replicas may start at once.

Alembic is asked only when there is something to do: it is 10 MB of memory, and a third of the time to start.
"""

import asyncio
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""One at a time in a process: what Alembic is about, it keeps in the names of its own modules."""

_SAID = re.compile(r'^(revision|down_revision) = (?:"([^"]+)"|None)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Steps:
    """How some tables came to be: a folder of Alembic's, and the table that says how far they are.

    Of all programs that use the database, `lock` is this one's for these tables; any number would do.
    """

    folder: Path
    version_table: str
    lock: int


async def migrate(connection: AsyncConnection, steps: Steps) -> None:
    """Take the missing steps, inside the transaction that is open; others wait until it ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": steps.lock})
    if not await connection.run_sync(_is_there, steps):
        async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            await connection.run_sync(upgrade, steps)


@cache
def newest(folder: Path) -> str:
    """Name the last step: the one that no other comes after. ValueError unless there is exactly one."""
    said = [dict(_SAID.findall(file.read_text())) for file in (folder / "versions").glob("*.py")]
    names: set[str] = {step["revision"] for step in said if "revision" in step}
    (last,) = names - {step.get("down_revision") for step in said}
    return last


def _is_there(connection: Connection, steps: Steps) -> bool:
    if not sa.inspect(connection).has_table(steps.version_table):
        return False
    version = sa.column("version_num", sa.String)
    found = connection.scalars(sa.select(version).select_from(sa.table(steps.version_table)))
    return list(found) == [newest(steps.folder)]


def upgrade(connection: Connection, steps: Steps, step: str = "head") -> None:
    """Go to a step, by Alembic."""
    # Late, for its weight.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(steps.folder).replace("%", "%%"))
    config.attributes.update(connection=connection, version_table=steps.version_table)
    try:
        command.upgrade(config, step)
    except CommandError as error:
        # A newer version has been here, in a rollout or before a rollback: steps only add, so its tables do.
        if "locate revision" not in str(error):
            raise
