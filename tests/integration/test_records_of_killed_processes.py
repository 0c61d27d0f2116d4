"""What is recorded of answers when the process that gave them is killed, and when its database is away."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from veriaidpo_gateway.__main__ import main
from veriaidpo_gateway.records.recorder import EVERY

from .gateway_process import SECRET, Gateway, predictor_beside, running
from .postgres_process import PostgresProcess

ROUND = 1.0
"""Seconds that a round of writing may take on a busy machine; without other work it takes milliseconds."""


@pytest.fixture(scope="module")
def predictor() -> Iterator[int]:
    with predictor_beside() as port:
        yield port


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(private)
    (tmp_path / "public.pem").write_bytes(public)
    return {
        "RECORDS": "true",
        "RECORDS_KEY": "k" * 32,
        "RECORDS_SIGNING_KEY_FILE": str(tmp_path / "key.pem"),
        "RECORDS_SPOOL_DIR": str(tmp_path / "spool"),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'records.db'}",
    }


def ask(gateway: Gateway, seconds: float) -> dict[str, float]:
    """Ask one question after another for so long; when each was answered, by its request id."""
    claims = {"sub": "anna", "role": "staff", "tenant_id": "t1", "exp": int(time.time()) + 600}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
    found: dict[str, float] = {}
    ends = time.monotonic() + seconds
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False, timeout=20) as client:
        while time.monotonic() < ends:
            answer = client.post("/classify", json={"text": f"câu {len(found) % 50}"})
            assert answer.status_code == 200, answer.text
            found[answer.headers["x-request-id"]] = time.monotonic()
    return found


def recorded(folder: Path) -> set[str]:
    with sqlite3.connect(folder / "records.db") as database:
        return {row[0] for row in database.execute("SELECT request_id FROM decision_record")}


def proven(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> bool:
    monkeypatch.setenv("DATABASE_URL", url)
    return main(["records", "verify", "--key", str(folder / "public.pem")]) == 0


def test_a_killed_process_loses_what_it_had_not_written_and_no_more(
    tmp_path: Path, settings: dict[str, str], predictor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: dict[str, float] = {}
    for _ in range(3):
        with running(tmp_path, predictor, settings) as gateway:
            now = ask(gateway, 1.5)
            gateway.process.kill()
            killed = time.monotonic()
        missing = set(now) - recorded(tmp_path)
        assert all(killed - now[request] < EVERY + ROUND for request in missing)
        answered |= now
    assert recorded(tmp_path) <= set(answered) | recorded_only_on_the_way(tmp_path, answered)
    assert proven(tmp_path, monkeypatch, settings["DATABASE_URL"])


def recorded_only_on_the_way(folder: Path, answered: dict[str, float]) -> set[str]:
    """Name the answers that were recorded and never arrived: at most one a process, since one was asked."""
    on_the_way = recorded(folder) - set(answered)
    assert len(on_the_way) <= 3
    return on_the_way


def test_one_that_is_told_to_stop_loses_nothing(
    tmp_path: Path, settings: dict[str, str], predictor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, predictor, settings) as gateway:
        answered = ask(gateway, 1.0)
        gateway.process.terminate()
        gateway.process.wait(20)
    assert recorded(tmp_path) == set(answered)
    assert proven(tmp_path, monkeypatch, settings["DATABASE_URL"])


def test_killed_while_the_database_is_away_it_leaves_its_records_on_the_disk(
    tmp_path: Path,
    settings: dict[str, str],
    predictor: int,
    postgres: tuple[PostgresProcess, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, url = postgres
    settings |= {"DATABASE_URL": url}
    with running(tmp_path, predictor, settings) as gateway:
        before = ask(gateway, 0.5)
        time.sleep(EVERY + ROUND)
        server.stop()
        try:
            away = ask(gateway, 2.0)
            time.sleep(EVERY + 4 * ROUND)  # it finds out, and writes to the disk
            gateway.process.kill()
        finally:
            server.start()
    with running(tmp_path, predictor, settings) as gateway:
        time.sleep(2 * ROUND)
        gateway.process.terminate()
        gateway.process.wait(20)
    assert asyncio.run(_count(url)) == len(before) + len(away)
    assert proven(tmp_path, monkeypatch, url)


async def _count(url: str) -> int:
    import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415

    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM decision_record"))
    finally:
        await connection.close()
