"""Missing tables are made as they are now; Alembic is asked for missing steps, and for nothing else."""

import asyncio
from pathlib import Path
from unittest.mock import Mock

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from veriaidpo_gateway.companies.rows import Filter
from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.companies.tables import STEPS
from veriaidpo_gateway.database import migrating
from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.records.store import RecordStore


def test_the_newest_step_is_the_one_that_alembic_goes_to() -> None:
    steps = ScriptDirectory(STEPS.folder, version_locations=[STEPS.folder])
    assert migrating.newest(STEPS.folder) == steps.get_current_head()


def test_of_several_steps_the_newest_has_none_behind_it(tmp_path: Path) -> None:
    for step, before in (("1", "None"), ("2", '"1"'), ("3", '"2"')):
        (tmp_path / f"s{step}.py").write_text(f'revision = "{step}"\ndown_revision = {before}\n')
    assert migrating.newest(tmp_path) == "3"
    (tmp_path / "s4.py").write_text('revision = "4"\ndown_revision = "2"\n')
    migrating.newest.cache_clear()
    with pytest.raises(ValueError):
        migrating.newest(tmp_path)


async def test_alembic_is_asked_only_about_what_an_older_version_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade, asked = migrating.upgrade, Mock(wraps=migrating.upgrade)
    monkeypatch.setattr(migrating, "upgrade", asked)
    for number, name in enumerate(["new", "new", "old", "old"]):
        async with open_database(f"sqlite:///{tmp_path / name}") as database:
            if number == 2:
                async with database.begin() as connection:
                    await connection.run_sync(upgrade, STEPS, "1")
            await CompanyStore(database).prepare()
            assert asked.call_count == (number >= 2), number


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
