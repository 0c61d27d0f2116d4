"""A Redis that Sentinels watch: who is the primary, and who is it next."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_gateway.redis import primary as finding
from veriaidpo_gateway.redis.store import PATIENCE, StoreAwayError
from veriaidpo_gateway.settings import RedisSettings

from .certificates import signed, with_tls
from .reaching import LATEST, is_back, latest_while, reaches, store_of
from .redis_process import LOOPBACK, SERVICE, RedisProcess, running, tell, watched
from .talking import array, saying


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


def named(port: int) -> bytes:
    """What `SENTINEL MASTERS` says of a primary at that port."""
    state: dict[str, str | int] = {
        "name": SERVICE,
        "ip": LOOPBACK,
        "port": port,
        "flags": "master",
        "num-other-sentinels": 2,
    }
    return array(array(*(part for pair in state.items() for part in pair)))


async def test_sentinels_and_the_primary_are_believed_by_their_authority(
    redis_process: RedisProcess, tmp_path: Path
) -> None:
    mine, other = signed(tmp_path / "a", LOOPBACK), signed(tmp_path / "b", LOOPBACK)
    async with with_tls(redis_process, mine) as port, saying({"SENTINEL": named(port)}, tls=mine) as watching:
        address = f"rediss+sentinel://{LOOPBACK}:{watching}/{SERVICE}"
        async with store_of(RedisSettings(address, ca_file=mine / "ca.crt")) as store:
            assert await reaches(store)
        for unproven in (other / "ca.crt", None):
            async with store_of(RedisSettings(address, ca_file=unproven)) as store:
                assert not await reaches(store)


NONSENSE = {
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no list": b"+OK\r\n",
    "half a primary": array(array("name", SERVICE)),
    "no port": array(array("name", SERVICE, "ip", LOOPBACK, "port", "x", "flags", "master")),
    "words": array("a", "b"),
    "nothing at all": array(),
    "a refusal": b"-NOAUTH Authentication required.\r\n",
    "a server that never answers": b"",
}


@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_a_sentinel_that_talks_nonsense_is_one_that_is_away(
    redis_process: RedisProcess, caplog: pytest.LogCaptureFixture, nonsense: str
) -> None:
    caplog.set_level("DEBUG")
    login = "?sentinel_username=watch&sentinel_password=hidden-word"
    good = {"SENTINEL": named(redis_process.port)}
    async with saying({"SENTINEL": NONSENSE[nonsense]}) as bad, saying(good) as watching:
        alone = RedisSettings(f"redis+sentinel://gw:hidden-word@{LOOPBACK}:{bad}/{SERVICE}{login}")
        async with store_of(alone) as store:
            with pytest.raises(StoreAwayError) as refused:
                await store.ask("GET", "veriaidpo:x")
        both = RedisSettings(f"redis+sentinel://{LOOPBACK}:{bad},{LOOPBACK}:{watching}/{SERVICE}")
        async with store_of(both) as store:
            assert await reaches(store)
    assert "hidden-word" not in caplog.text + str(refused.value) + str(refused.value.__cause__)


async def test_a_primary_that_says_nothing_is_looked_for_again(
    redis_process: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and never says which role it has; the next one is named meanwhile."""
    monkeypatch.setattr(finding, "FIND_SECONDS", 0.3)
    async with (
        saying({}) as mute,
        saying(answers := {"SENTINEL": named(mute)}) as watching,
        store_of(RedisSettings(f"redis+sentinel://{LOOPBACK}:{watching}/{SERVICE}")) as store,
    ):
        with contextlib.suppress(StoreAwayError):
            await store.ask("GET", "veriaidpo:x")
        answers["SENTINEL"] = named(redis_process.port)
        await is_back(store, 5.0)
