"""Brings tables to what this version needs. Any number of replicas may start at once.

Where there are none yet they are made as they are now. Alembic is asked only for steps from an older version:
it is 10 MB of memory, and a third of the time to start.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""One at a time in a process: what Alembic is about, it keeps in the names of its own modules."""

_ENVIRONMENT = Path(__file__).parent / "migrations"
"""Where Alembic finds what it runs before any steps."""

_SAID = re.compile(r'^(revision|down_revision) = (?:"([^"]+)"|None)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Steps:
    """How some tables came to be: a folder of Alembic's steps, and the table that says how far they are.

    `tables` is what all steps together make, and `rows` the first ones of those tables that need some. Of all
    programs that use the database, `lock` is this one's for these tables; any number would do.
    """

    folder: Path
    version_table: str
    lock: int
    tables: sa.MetaData
    rows: Mapping[sa.Table, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def version(self) -> sa.Table:
        """The table that says how far they are, as Alembic has it."""
        name = f"{self.version_table}_pkc"
        number = sa.Column("version_num", sa.String(32), nullable=False)
        return sa.Table(
            self.version_table, sa.MetaData(), number, sa.PrimaryKeyConstraint("version_num", name=name)
        )


async def migrate(connection: AsyncConnection, steps: Steps) -> None:
    """Take the missing steps, inside the transaction that is open; others wait until it ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": steps.lock})
    found = await connection.run_sync(_found, steps)
    if found is None:
        await connection.run_sync(_make, steps)
    elif found != [newest(steps.folder)]:
        async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            await connection.run_sync(upgrade, steps)


@cache
def newest(folder: Path) -> str:
    """Name the last step: the one that no other comes after. ValueError unless there is exactly one."""
    said = [dict(_SAID.findall(file.read_text())) for file in folder.glob("*.py")]
    names: set[str] = {step["revision"] for step in said if "revision" in step}
    (last,) = names - {step.get("down_revision") for step in said}
    return last


def _found(connection: Connection, steps: Steps) -> list[str] | None:
    if not sa.inspect(connection).has_table(steps.version_table):
        return None
    return list(connection.scalars(sa.select(steps.version.c.version_num)))


def _make(connection: Connection, steps: Steps) -> None:
    steps.tables.create_all(connection, checkfirst=False)
    for table, row in steps.rows.items():
        connection.execute(sa.insert(table).values(row))
    steps.version.create(connection)
    connection.execute(sa.insert(steps.version).values(version_num=newest(steps.folder)))


def upgrade(connection: Connection, steps: Steps, step: str = "head") -> None:
    """Go to a step, by Alembic."""
    # Late, for its weight.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    for name, folder in (("script_location", _ENVIRONMENT), ("version_locations", steps.folder)):
        config.set_main_option(name, str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, version_table=steps.version_table)
    try:
        command.upgrade(config, step)
    except CommandError as error:
        # A newer version has been here, in a rollout or before a rollback: steps only add, so its tables do.
        if "locate revision" not in str(error):
            raise
