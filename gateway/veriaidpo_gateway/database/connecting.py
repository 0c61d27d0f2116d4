"""The one way to the database: every wait is bounded, and whatever is wrong with it is one error."""

import asyncio
import contextlib
import itertools
import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from sqlalchemy import URL, AsyncAdaptedQueuePool, Table, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from veriaidpo_gateway.environment import InvalidSettingsError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

PATIENCE = 3.0
"""Seconds for one piece of work, connecting included."""

_CONNECTIONS = 4
"""Of a process to one server: the chart counts with so many."""

_DRIVERS = {
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
}


Kind = Literal["embedded", "postgresql"]
"""Of this process, or a server."""


class DatabaseAwayError(Exception):
    """The database does not answer, not in time, or not as it should."""

    @property
    def cause(self) -> str:
        """The name of the driver's own error: it tells a wrong password from a server that is not there."""
        cause = self.__cause__
        return type(getattr(cause, "orig", None) or cause).__name__


class Database:
    """A database that may be away; its connections are closed at the end of an `async with`."""

    def __init__(
        self,
        engine: AsyncEngine,
        troubles: tuple[type[Exception], ...] = (),
        *,
        sending: AsyncEngine | None = None,
    ) -> None:
        """Take the engine, one for single statements if there is another for them, and a driver's errors."""
        self._engine, self._sending = engine, sending or engine
        # The driver's own errors come as they are while a connection is being made, and to `fetch`.
        self._troubles: tuple[type[Exception], ...] = (SQLAlchemyError, OSError, *troubles)

    @property
    def kind(self) -> Kind:
        """What it is."""
        return "postgresql" if self._engine.dialect.name == "postgresql" else "embedded"

    def insert(self, table: Table) -> "postgresql.Insert | sqlite.Insert":
        """Begin an insert that may say what happens where there is such a row already.

        Of the databases' own ways, which SQLAlchemy calls dialects, only the one that is used is loaded.
        """
        if self.kind == "postgresql":
            from sqlalchemy.dialects import postgresql  # noqa: PLC0415

            return postgresql.insert(table)
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415

        return sqlite.insert(table)

    @asynccontextmanager
    async def begin(self, seconds: float = PATIENCE) -> AsyncIterator[AsyncConnection]:
        """Do some work, whole or not at all: DatabaseAwayError, or IntegrityError for what may not be."""
        async with self._bounded(seconds), self._engine.begin() as connection:
            yield connection

    async def send(self, statement: str, values: Any, seconds: float = PATIENCE) -> None:
        """Do one statement, which is whole or not at all by itself and may be done twice.

        DatabaseAwayError, or IntegrityError for what may not be. Where the database was opened for it, no
        transaction is begun, and nobody asks first whether the connection is there still: that is one wait
        for the server instead of six. A lost connection is learnt of by losing it, and another one is tried.
        """
        async with self._bounded(seconds):
            try:
                await self._sent(statement, values)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                await self._sent(statement, values)

    async def _sent(self, statement: str, values: Any) -> None:
        async with self._sending.begin() as connection:
            await connection.exec_driver_sql(statement, values)

    @asynccontextmanager
    async def _bounded(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except IntegrityError:
            raise
        except self._troubles as error:
            raise DatabaseAwayError from error

    @asynccontextmanager
    async def without_writers(self) -> AsyncIterator[None]:
        """Let nobody write to an embedded database meanwhile: DatabaseAwayError where that cannot be.

        A server has names for its moments instead, and is left alone.
        """
        if self.kind == "postgresql":
            yield
            return
        async with self._bounded(PATIENCE):
            connection = await self._engine.connect().start()
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            await connection.close()

    def snapshot(self) -> "Snapshot":
        """Give it as it is at one moment; what closes that closes this."""
        return Snapshot(self._engine, self._troubles, sending=self._sending)

    async def __aenter__(self) -> Self:
        """Open nothing: a connection is made when it is needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections, waiting for none that is lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(engine.dispose() for engine in {self._engine, self._sending}))


class Snapshot(Database):
    """A database as it was when this was taken, or else first read: all of it in one transaction."""

    _connection: AsyncConnection | None = None

    async def take(self, name: str | None = None) -> None:
        """Let the moment be now, or what another connection to the server has named: DatabaseAwayError."""
        async with self._bounded(PATIENCE):
            if self._connection is None:
                self._connection = await self._opened(name)

    async def name(self) -> str | None:
        """Name the moment, for other connections while this one is open; None where it has no name."""
        if self.kind == "embedded":
            return None
        async with self.begin() as connection:
            named = await connection.exec_driver_sql("SELECT pg_export_snapshot()")
            return cast("str", named.scalar_one())

    @asynccontextmanager
    async def begin(self, seconds: float = PATIENCE) -> AsyncIterator[AsyncConnection]:
        """Read some of it: DatabaseAwayError."""
        async with self._bounded(seconds):
            if self._connection is None:
                self._connection = await self._opened()
            yield self._connection

    async def _opened(self, name: str | None = None) -> AsyncConnection:
        connection = await self._engine.connect().start()
        if self.kind == "postgresql":
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            await connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{name}'" if name else "SELECT 1")
        else:
            # The driver begins none for what is only read.
            await connection.exec_driver_sql("BEGIN")
            await connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema")
        return connection

    async def __aexit__(self, *_: object) -> None:
        """Let the moment go, and close the connections."""
        if self._connection is not None:
            with contextlib.suppress(TimeoutError, *self._troubles):
                async with asyncio.timeout(PATIENCE):
                    await self._connection.close()
        await super().__aexit__()


async def fetch(connection: AsyncConnection, query: str, *values: object) -> Sequence[Sequence[Any]]:
    """Read rows as the driver gives them, which takes two thirds of the time: for those who read millions.

    In the query, ? is a value.
    """
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if connection.dialect.name == "postgresql":
        numbers = itertools.count(1)
        numbered = re.sub(r"\?", lambda _: f"${next(numbers)}", query)
        return cast("Sequence[Sequence[Any]]", await driver.fetch(numbered, *values))
    return cast("Sequence[Sequence[Any]]", await driver.execute_fetchall(query, values))


def open_database(url: str | None, *, sends: bool = False) -> Database:
    """Prepare a database, in memory without a URL; InvalidSettingsError for a bad one. Nothing is sent.

    With `sends` one of the connections to a server is for single statements alone (`send`).
    """
    address = _address(url) if url else make_url("sqlite+aiosqlite://")
    if address.get_backend_name() == "sqlite":
        # One connection: what is in memory belongs to it, and a file is written by one at a time.
        one: dict[str, Any] = {"poolclass": AsyncAdaptedQueuePool, "pool_size": 1, "max_overflow": 0}
        return Database(create_async_engine(address, **one, pool_timeout=PATIENCE), (sqlite3.Error,))
    import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415  for its weight, where it is not needed

    bounds: dict[str, Any] = {
        "max_overflow": 0,
        "pool_timeout": PATIENCE,
        "connect_args": {"timeout": PATIENCE},
    }
    sending = None
    if sends:
        sending = create_async_engine(address, pool_size=1, isolation_level="AUTOCOMMIT", **bounds)
    return Database(
        create_async_engine(address, pool_size=_CONNECTIONS - sends, pool_pre_ping=True, **bounds),
        (asyncpg.PostgresError, asyncpg.InterfaceError),
        sending=sending,
    )


def _address(url: str) -> URL:
    try:
        found = make_url(url)
    except ArgumentError:
        raise InvalidSettingsError("DATABASE_URL: not an address") from None
    driver = _DRIVERS.get(found.drivername, found.drivername)
    if driver not in _DRIVERS.values():
        raise InvalidSettingsError("DATABASE_URL: postgresql://… or sqlite:///… is needed")
    query = dict(found.query)
    if driver.startswith("postgresql") and "sslmode" in query:
        query["ssl"] = query.pop("sslmode")  # what everybody writes, and what this driver calls it
    return found.set(drivername=driver, query=query)
