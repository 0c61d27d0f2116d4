"""What hack/backup writes of a database, hack/restore brings back into one that gateways have begun."""

import asyncio
import re
import shlex
import subprocess
from collections.abc import Sequence

from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.normalisation.companies import Company

from ..documents import REPO
from .postgres_process import PROGRAMS, PostgresProcess

NAME = "Công ty Cổ phần Trở Lại Thử Nghiệm"


def written(script: str, program: str) -> list[str]:
    """Return what follows a program's name in a script, but for whom to connect to and as whom."""
    text = (REPO / "hack" / script).read_text().replace("\\\n", " ")
    found = re.search(rf"{program} (.*?) [<>]", text)
    assert found is not None
    flags = re.sub(r"--(username|host|dbname) \S+|\bpostgres$", "", found[1])
    return shlex.split(flags)


def typed(command: Sequence[str], stdin: bytes = b"") -> bytes:
    return subprocess.run(command, input=stdin, capture_output=True, check=True, timeout=60).stdout


async def test_companies_come_back_although_gateways_have_made_the_tables(
    postgres_server: PostgresProcess,
) -> None:
    before, after = (postgres_server.create(name) for name in ("before", "after"))
    async with open_database(before) as database:
        store = CompanyStore(database)
        await store.prepare()
        await store.add(Company(NAME, "Technology", "Hà Nội"))
    dump = typed([str(PROGRAMS / "pg_dump"), *written("backup", "pg_dump"), before])

    async with open_database(after) as database:
        store = CompanyStore(database)
        await store.prepare()
        assert NAME not in [entry.company.name async for entry in store.everything()]
        command = [str(PROGRAMS / "pg_restore"), *written("restore", "pg_restore"), "--dbname", after]
        await asyncio.to_thread(typed, command, dump)
        assert NAME in [entry.company.name async for entry in store.everything()]
