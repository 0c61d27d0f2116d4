"""Redis as an address may mean it, as real servers: with TLS, a password, a user of few rights."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from veriaidpo_gateway.settings import RedisSettings

from ..documents import redis_rights
from .certificates import signed, with_tls
from .reaching import is_back, reaches, store_of, works
from .redis_process import LOOPBACK, RedisProcess, running, tell


async def test_tls_with_an_authority_of_its_own(redis_process: RedisProcess, tmp_path: Path) -> None:
    certificates = signed(tmp_path / "a", LOOPBACK)
    async with with_tls(redis_process, certificates) as port:
        settings = RedisSettings(f"rediss://{LOOPBACK}:{port}/2", ca_file=certificates / "ca.crt")
        async with store_of(settings) as store:
            assert await works(store)


@pytest.mark.parametrize("wrong", ["another authority", "the system's authorities", "another host"])
async def test_a_server_that_cannot_prove_itself_is_told_nothing(
    redis_process: RedisProcess, tmp_path: Path, wrong: str
) -> None:
    certificates = signed(tmp_path / "a", "127.0.0.2" if wrong == "another host" else LOOPBACK)
    believed = {"another authority": signed(tmp_path / "b", LOOPBACK), "another host": certificates}.get(
        wrong
    )
    async with with_tls(redis_process, certificates) as port:
        url = f"rediss://gw:secret@{LOOPBACK}:{port}/2"
        async with store_of(RedisSettings(url, ca_file=believed / "ca.crt" if believed else None)) as store:
            assert not await reaches(store)
    with redis_process.client() as client:
        assert "cmdstat_auth" not in client.info("commandstats")


async def test_another_authority_is_believed_from_its_file_on(
    redis_process: RedisProcess, tmp_path: Path
) -> None:
    old, new = signed(tmp_path / "a", LOOPBACK), signed(tmp_path / "b", LOOPBACK)
    followed = tmp_path / "ca.crt"
    followed.write_bytes((old / "ca.crt").read_bytes())
    async with (
        with_tls(redis_process, new) as port,
        store_of(RedisSettings(f"rediss://{LOOPBACK}:{port}", ca_file=followed)) as store,
    ):
        assert not await reaches(store)
        followed.write_bytes((new / "ca.crt").read_bytes())
        await is_back(store)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RedisProcess]:
    """A server with a password and a user who may do what the gateway does and nothing else."""
    server = RedisProcess(tmp_path, "--requirepass", "p@ss/word")
    server.file = f"user gw on >gw-secret {' '.join(redis_rights())}\n"
    with running(server):
        yield server


async def test_a_password(guarded: RedisProcess) -> None:
    async with store_of(RedisSettings(f"redis://:p%40ss%2Fword@{LOOPBACK}:{guarded.port}/2")) as store:
        assert await works(store)


async def test_a_user_with_no_more_rights_than_docs_name(guarded: RedisProcess) -> None:
    async with store_of(RedisSettings(f"redis://gw:gw-secret@{LOOPBACK}:{guarded.port}/2")) as store:
        assert await works(store)


@pytest.mark.parametrize("login", ["", ":wrong@", "gw:wrong@", "nobody:gw-secret@"])
async def test_a_wrong_password_is_a_redis_that_is_away(
    guarded: RedisProcess, caplog: pytest.LogCaptureFixture, login: str
) -> None:
    async with store_of(RedisSettings(f"redis://{login}{LOOPBACK}:{guarded.port}")) as store:
        assert not await reaches(store)
        assert store.away
    assert any(code in caplog.text for code in ("NOAUTH", "WRONGPASS"))
    assert "secret" not in caplog.text


async def test_a_password_that_changes_is_followed_without_a_restart(
    guarded: RedisProcess, tmp_path: Path
) -> None:
    file = tmp_path / "redis-url"
    file.write_text(f"redis://gw:gw-secret@{LOOPBACK}:{guarded.port}/2\n")
    async with store_of(RedisSettings(url_file=file)) as store:
        assert await reaches(store)
        with guarded.client(password="p@ss/word") as client:
            tell(client, "ACL", "SETUSER", "gw", "resetpass", ">other")
            # Who is connected stays; a new connection needs the new one.
            file.write_text(f"redis://gw:other@{LOOPBACK}:{guarded.port}/2\n")
            await asyncio.sleep(1.1)
            assert await reaches(store)
            tell(client, "CLIENT", "KILL", "USER", "gw")
        await is_back(store, 3.0)
