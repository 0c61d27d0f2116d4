"""A gateway with the settings that it has by itself loads nothing that only others need."""

import subprocess
import sys

import pytest

START = """
import asyncio, sys
import veriaidpo_gateway.server
from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.database.connecting import open_database

async def prepare():
    async with open_database(None) as database:
        await CompanyStore(database).prepare()

asyncio.run(prepare())
print(*sys.modules)
"""

NEEDED_BY_OTHERS = {
    "alembic": "a database of an older version",
    "asyncpg": "PostgreSQL",
    "sqlalchemy.dialects.postgresql": "PostgreSQL",
    "redis": "a cluster or Sentinels",
    "opentelemetry.sdk": "a collector of traces",
    "opentelemetry.exporter": "a collector of traces",
    "yaml": "routes in a file",
    "httpx": "tests",
}


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    return set(
        subprocess.run(
            [sys.executable, "-c", START], check=True, capture_output=True, text=True
        ).stdout.split()
    )


@pytest.mark.parametrize("package", NEEDED_BY_OTHERS)
def test_what_only_others_need_is_not_loaded(package: str, loaded: set[str]) -> None:
    assert "sqlalchemy.dialects.sqlite" in loaded
    assert package not in loaded
