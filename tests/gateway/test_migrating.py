"""Alembic is asked for missing steps, and for nothing else."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from veriaidpo_gateway.companies.rows import Filter
from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.companies.tables import STEPS
from veriaidpo_gateway.database import migrating
from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.records.store import RecordStore

PREPARE_TWICE = """
import asyncio, sys
from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.database.connecting import open_database

async def prepare():
    async with open_database(sys.argv[1]) as database:
        store = CompanyStore(database)
        await store.prepare()
        print(await store.revision(), "alembic" in sys.modules)

asyncio.run(prepare())
"""


def test_the_newest_step_is_the_one_that_alembic_goes_to() -> None:
    config = Config()
    config.set_main_option("script_location", str(STEPS.folder))
    assert migrating.newest(STEPS.folder) == ScriptDirectory.from_config(config).get_current_head()


def test_of_several_steps_the_newest_has_none_behind_it(tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    for step, before in (("1", "None"), ("2", '"1"'), ("3", '"2"')):
        (versions / f"s{step}.py").write_text(f'revision = "{step}"\ndown_revision = {before}\n')
    assert migrating.newest(tmp_path) == "3"
    (versions / "s4.py").write_text('revision = "4"\ndown_revision = "2"\n')
    migrating.newest.cache_clear()
    with pytest.raises(ValueError):
        migrating.newest(tmp_path)


def test_a_database_that_is_as_it_should_be_is_not_worth_importing_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'companies.db'}"

    def prepare() -> list[str]:
        command = [sys.executable, "-c", PREPARE_TWICE, url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    (revision, first), (again, second) = prepare(), prepare()
    assert (first, second) == ("True", "False")
    assert revision == again


async def test_the_tables_of_companies_and_of_records_may_be_made_at_the_same_time() -> None:
    async with open_database(None) as one, open_database(None) as other:
        companies, records = CompanyStore(one), RecordStore(other)
        await asyncio.gather(companies.prepare(), records.prepare())
        assert await companies.revision() > 0
        assert await records.newest_heads(0, besides="") == {}


OLD_ROW = """
INSERT INTO company (id, "key", name, industry, region, aliases, exact, search, origin, version)
VALUES (:id, :key, :name, '', '', '[]', '[]', :key, :origin, 3)
"""


async def test_what_was_kept_before_companies_had_tickers_gets_them(tmp_path: Path) -> None:
    rows = [
        {"id": "1" * 32, "key": "tap doan vingroup", "name": "Tập đoàn Vingroup", "origin": "shipped"},
        {"id": "2" * 32, "key": "cong ty co phan fpt", "name": "Công ty Cổ phần FPT", "origin": "added"},
    ]
    async with open_database(f"sqlite:///{tmp_path / 'companies.db'}") as database:
        async with database.begin() as connection:
            await connection.run_sync(migrating.upgrade, STEPS, "1")
            await connection.execute(sa.text(OLD_ROW), rows)
        store = CompanyStore(database)
        await store.prepare()
        found, _ = await store.search(Filter(q="vic", origin="shipped"), limit=200, offset=0)
        somebodys, shipped = await store.get("2" * 32), await store.get("1" * 32)

    assert shipped in found
    assert (shipped.company.ticker, shipped.company.ticker_verified, shipped.version) == ("VIC", True, 4)
    assert (somebodys.company.ticker, somebodys.company.ticker_verified, somebodys.version) == ("", False, 3)


async def test_the_version_before_goes_on_adding_companies(tmp_path: Path) -> None:
    row = {"id": "1" * 32, "key": "rong xanh", "name": "Rồng Xanh", "origin": "added"}
    async with open_database(f"sqlite:///{tmp_path / 'companies.db'}") as database:
        store = CompanyStore(database)
        await store.prepare()
        async with database.begin() as connection:
            await connection.execute(sa.text(OLD_ROW), row)
        assert (await store.get("1" * 32)).company.ticker == ""
