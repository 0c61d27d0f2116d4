"""Every kind of Redis an address may mean, as real servers: with TLS, users, Sentinels, a cluster."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_gateway.classification.cache import Cache, RedisEntries
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.identity.revocations import Revocations
from veriaidpo_gateway.limiting.limits import Limits
from veriaidpo_gateway.redis.store import PATIENCE, Store
from veriaidpo_gateway.settings import CacheSettings, LimitSettings, RedisSettings

from .certificates import signed, with_tls
from .reaching import ANSWER, LATEST, QUESTION, is_back, latest_while, reaches, store_of
from .redis_process import LOOPBACK, SERVICE, RedisProcess, cluster, running, tell, watched


async def works(store: Store) -> bool:
    """All that the gateway uses Redis for."""
    cache = Cache(CacheSettings(key=b"k" * 32), RedisEntries(store))
    names = [cache.key(**QUESTION, text=str(i)) for i in range(20)]
    for name in names:
        await cache.put(name, ANSWER)
    found = [await cache.get(name, labels=2) for name in names]
    limits = Limits(LimitSettings(per_user=3, per_tenant=100, characters_per_user=5_000), store)
    callers = [Caller(f"u{i}", "staff", f"t{i}") for i in range(20)]
    taken = [await limits.take(caller) for caller in callers]
    await limits.take_text(callers[0], "x" * 10)
    one, two = (Revocations(store, longest=600) for _ in range(2))
    await one.revoke("t", "leaked", int(time.time()) + 60)
    await two.refresh()
    revoked = two.revoked(Caller("u", "staff", "t", jti="leaked"))
    counted = all(one is not None and one.remaining == 2 for one in taken)
    return found == [ANSWER] * 20 and counted and revoked and not store.away


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
    rights = (
        "+get +set +eval +evalsha +hget +hset +hdel +hscan +expire +pexpire +multi +exec +ping +select +role"
    )
    for command in ["lindex", "lpop", "rpush", "llen", "exists", "del", "time"]:
        rights += f" +{command}"
    server.file = f"user gw on >gw-secret ~veriaidpo:* {rights}\n"
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


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[tuple[RedisProcess, RedisProcess, list[RedisProcess]]]:
    with watched(tmp_path) as servers:
        yield servers


def by_sentinels(sentinels: list[RedisProcess], *, first: str = "") -> RedisSettings:
    addresses = ",".join(f"{LOOPBACK}:{sentinel.port}" for sentinel in sentinels)
    return RedisSettings(f"redis+sentinel://{first}{addresses}/{SERVICE}/2")


@pytest.mark.slow
async def test_sentinels_name_the_primary_and_the_next_one(sentinels: Any, loop_lag: list[float]) -> None:
    primary, replica, watching = sentinels
    watching[0].kill()  # one that is away costs nothing
    async with store_of(by_sentinels(watching, first="127.0.0.1:1,"), patience=PATIENCE) as store:
        await is_back(store)
        late = await latest_while(store, loop_lag, primary.kill, seconds=4.0)
        await is_back(store)
        with replica.client() as client:
            assert client.info("replication")["role"] == "master"
    assert late < LATEST


@pytest.mark.slow
async def test_a_primary_that_becomes_a_replica_is_left(sentinels: Any) -> None:
    _, replica, watching = sentinels
    async with store_of(by_sentinels(watching)) as store:
        await is_back(store)
        with watching[0].client() as client:
            await asyncio.to_thread(tell, client, "SENTINEL", "FAILOVER", SERVICE)
        with replica.client(db=2) as client:
            async with asyncio.timeout(20):
                while client.info("replication")["role"] != "master" or not client.get("veriaidpo:x"):
                    await reaches(store)
                    await asyncio.sleep(0.1)
                client.delete("veriaidpo:x")
                while not client.get("veriaidpo:x"):
                    await reaches(store)
                    await asyncio.sleep(0.1)


async def test_sentinels_that_do_not_know_the_service(tmp_path: Path, caplog: Any) -> None:
    nobody = RedisProcess(tmp_path, "--sentinel", file="sentinel resolve-hostnames no\n")
    with running(nobody):
        async with store_of(by_sentinels([nobody])) as store:
            assert not await reaches(store)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[RedisProcess]]:
    with cluster(tmp_path) as servers:
        yield servers


def of_cluster(nodes: list[RedisProcess]) -> RedisSettings:
    return RedisSettings("redis+cluster://" + ",".join(f"{LOOPBACK}:{node.port}" for node in nodes))


async def test_a_cluster_of_three(nodes: list[RedisProcess]) -> None:
    async with store_of(of_cluster(nodes[1:2])) as store:
        assert await works(store)
    for node in nodes:
        with node.client() as client:
            assert client.dbsize() > 0


async def test_a_slot_that_moves_is_followed(nodes: list[RedisProcess]) -> None:
    async with store_of(of_cluster(nodes)) as store:
        assert await reaches(store)  # under veriaidpo:x
        with nodes[0].client() as client:
            moved = tell(client, "CLUSTER", "KEYSLOT", "veriaidpo:x")
        (owner,) = [node for i, node in enumerate(nodes) if moved // 5461 == i or (i == 2 and moved >= 16383)]
        other = nodes[(nodes.index(owner) + 1) % 3]
        with owner.client() as old, other.client() as new:
            to, of = tell(new, "CLUSTER", "MYID"), tell(old, "CLUSTER", "MYID")
            tell(new, "CLUSTER", "SETSLOT", moved, "IMPORTING", _text(of))
            tell(old, "CLUSTER", "SETSLOT", moved, "MIGRATING", _text(to))
            tell(old, "MIGRATE", LOOPBACK, other.port, "veriaidpo:x", 0, 5000)
            # Half of it is there: the old node says ASK.
            assert await store.ask("GET", "veriaidpo:x") == b"1"
            for client in (new, old):
                tell(client, "CLUSTER", "SETSLOT", moved, "NODE", _text(to))
            assert await store.ask("GET", "veriaidpo:x") == b"1"
            assert not store.away


def _text(said: Any) -> str:
    return said.decode() if isinstance(said, bytes) else str(said)


@pytest.mark.slow
async def test_a_node_that_is_away_takes_no_call_with_it(
    nodes: list[RedisProcess], loop_lag: list[float]
) -> None:
    async with store_of(of_cluster(nodes), patience=PATIENCE) as store:
        await is_back(store)
        late = await latest_while(store, loop_lag, nodes[0].silence)
        nodes[0].wake()
        await is_back(store)
    assert late < LATEST
