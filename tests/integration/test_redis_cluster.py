"""A Redis cluster: every key at its node, slots that move, and a node that is away takes nobody with it."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_gateway.redis.store import PATIENCE, Store, StoreAwayError
from veriaidpo_gateway.settings import RedisSettings

from .certificates import signed, with_tls
from .reaching import LATEST, is_back, latest_while, reaches, store_of, works
from .redis_process import LOOPBACK, RedisProcess, cluster, free_port, running, tell
from .talking import array, saying


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
    assert late < LATEST, late


KEYS = tuple(f"veriaidpo:{i}" for i in range(40))


def kept_by(node: RedisProcess) -> tuple[str, ...]:
    """Which of the keys a node has, by its own word."""
    with node.client() as client:
        spans = [span[:2] for span in tell(client, "CLUSTER", "SLOTS") if span[2][1] == node.port]
        slots_of = {key: tell(client, "CLUSTER", "KEYSLOT", key) for key in KEYS}
    return tuple(key for key, slot in slots_of.items() if any(a <= slot <= b for a, b in spans))


async def answered(store: Store, keys: tuple[str, ...], seconds: float) -> tuple[int, int]:
    """Ask for keys again and again; how many calls were answered, and how many were not."""
    good = bad = 0
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for key in keys:
            try:
                await store.ask("SET", key, b"1", writes=True)
                good += 1
            except StoreAwayError:
                bad += 1
        await asyncio.sleep(0.01)
    return good, bad


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["silent", "dead"])
async def test_the_keys_of_the_other_nodes_are_there_all_the_time(
    nodes: list[RedisProcess], trouble: str
) -> None:
    async with store_of(of_cluster(nodes), patience=0.5) as store:
        assert await works(store)
        mine, others = kept_by(nodes[0]), kept_by(nodes[1]) + kept_by(nodes[2])
        (nodes[0].silence if trouble == "silent" else nodes[0].kill)()
        (gone, lost), (good, bad) = await asyncio.gather(
            answered(store, mine, 5.0), answered(store, others, 5.0)
        )
        assert (gone, bad) == (0, 0)
        assert lost
        assert good > 100
        assert store.away


async def test_who_gives_up_takes_no_answer_from_others(nodes: list[RedisProcess]) -> None:
    async with store_of(of_cluster(nodes)) as store:
        assert await reaches(store)
        with nodes[0].client() as client:
            tell(client, "CLIENT", "PAUSE", 400, "ALL")
        mine = kept_by(nodes[1])[:1] + KEYS[:20]
        waiting = [asyncio.create_task(store.ask("GET", key)) for key in mine]
        leaving = [asyncio.create_task(store.ask("GET", key)) for key in mine]
        await asyncio.sleep(0.1)
        for one in leaving:
            one.cancel()
        assert await asyncio.gather(*waiting, return_exceptions=True) == [None] * len(mine)
        assert not store.away


@pytest.mark.slow
async def test_a_replica_that_takes_over_is_asked(tmp_path: Path) -> None:
    with cluster(tmp_path, replicas=True) as servers:
        async with store_of(of_cluster(servers[1:2])) as store:
            assert await works(store)
            keys = kept_by(servers[0])
            servers[0].kill()
            async with asyncio.timeout(30):
                while (await answered(store, keys, 0.2))[1]:
                    pass
            assert not store.away


async def test_all_nodes_are_lost_and_come_back_at_the_addresses_that_were_named(tmp_path: Path) -> None:
    node = alone(tmp_path)
    with running(node):
        async with store_of(of_cluster([node])) as store:
            _take_all_slots(node)
            await is_back(store)
            node.kill()
            assert not await reaches(store)
            node.start()
            await is_back(store)
            assert await works(store)


def alone(folder: Path, *options: str) -> RedisProcess:
    """A cluster of one node."""
    return RedisProcess(
        folder, "--cluster-enabled", "yes", "--cluster-port", str(free_port()), *options, port=free_port()
    )


def _take_all_slots(node: RedisProcess) -> None:
    with node.client() as client:
        tell(client, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)


async def test_nodes_are_believed_by_their_authority(tmp_path: Path) -> None:
    mine, other = signed(tmp_path / "a", LOOPBACK), signed(tmp_path / "b", LOOPBACK)
    node = alone(tmp_path, "--requirepass", "hidden-word")
    with running(node):
        async with with_tls(node, mine) as port:
            with node.client(password="hidden-word") as client:
                tell(client, "CONFIG", "SET", "cluster-announce-port", port)
                tell(client, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            address = f"rediss+cluster://:hidden-word@{LOOPBACK}:{port}"
            async with store_of(RedisSettings(address, ca_file=mine / "ca.crt")) as store:
                await is_back(store)
                assert await works(store)
            for unproven in (other / "ca.crt", None):
                async with store_of(RedisSettings(address, ca_file=unproven)) as store:
                    assert not await reaches(store)


def slots(port: int) -> bytes:
    """What `CLUSTER SLOTS` says where one node has all of them."""
    return array(array(0, 16383, array(LOOPBACK, port, "n" * 40)))


NONSENSE = {
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no list": b"+OK\r\n",
    "no slots": array(),
    "words": array("a", "b"),
    "half a node": array(array(0, 16383, array(LOOPBACK))),
    "a refusal": b"-ERR This instance has cluster support disabled\r\n",
    "a server that never answers": b"",
}


@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_a_node_that_talks_nonsense_is_one_that_is_away(
    caplog: pytest.LogCaptureFixture, nonsense: str
) -> None:
    caplog.set_level("DEBUG")
    answers: dict[str, bytes] = {"CLUSTER": NONSENSE[nonsense]}
    async with saying(answers) as port:
        address = f"redis+cluster://gw:hidden-word@{LOOPBACK}:{port}"
        async with store_of(RedisSettings(address)) as store:
            with pytest.raises(StoreAwayError) as refused:
                await store.ask("GET", "veriaidpo:x")
            answers |= {"CLUSTER": slots(port), "GET": b"$1\r\n1\r\n", "SET": b"+OK\r\n"}
            await is_back(store)
    assert "hidden-word" not in caplog.text + str(refused.value) + str(refused.value.__cause__)


async def test_a_slot_that_went_to_nobody_takes_no_other_with_it() -> None:
    answers = {"GET": b"-MOVED 1 127.0.0.1:1\r\n", "SET": b"+OK\r\n"}
    async with saying(answers) as port:
        answers["CLUSTER"] = slots(port)
        async with store_of(RedisSettings(f"redis+cluster://{LOOPBACK}:{port}")) as store:
            assert await reaches(store)
            for _ in range(3):
                with contextlib.suppress(StoreAwayError):
                    await store.ask("GET", "veriaidpo:y")
            await is_back(store, 3.0)
