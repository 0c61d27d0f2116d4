"""What the gateway adds to a predictor's call, beside a bare proxy and another gateway before one upstream.

    python -m bench.gateway_bench [--rounds N] [--seconds S]

Into build/bench.json under `gateway`. All servers run at the same time on one machine and are asked one after
another, round by round; what one adds is its median less the upstream's own in that round. Answers a core are
answers for each second of CPU that the gateway's process used: the load's own share does not count.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from bench import figures
from bench.cells import Cell, cell
from bench.figures import spread
from bench.growth import growth
from bench.load import request
from bench.measured_gateway import classify, gateway, redis_command, sentence, token
from bench.peers import environment_of
from bench.server import LOOPBACK, Server, free_port

BATCH = 256
PROXIES = ("bare proxy", "fastapi-proxy-lib")
CALLERS = 16
MODEL = "/v2/models/principles-vi/infer"
HERE = Path(__file__).parent


def main() -> None:
    """Measure, print as it goes, and write."""
    parser = argparse.ArgumentParser(prog="bench.gateway_bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each figure")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veriaidpo-bench-")))
        servers = stack.enter_context(_servers(folder))
        rounds = [_round(servers, number, chosen.seconds) for number in range(chosen.rounds)]
        memory = servers["gateway"].megabytes("Rss")
        grown = growth(folder, servers)
    _write(rounds, memory, grown)


@contextmanager
def _servers(folder: Path) -> Iterator[dict[str, Server]]:
    python, peer = sys.executable, str(environment_of("peer-proxy") / "python")
    ports = {name: free_port() for name in ("redis", "upstream", *PROXIES)}
    upstream = f"http://{LOOPBACK}:{ports['upstream']}"
    commands: dict[str, Sequence[str]] = {
        "redis": redis_command(ports["redis"]),
        "upstream": [python, str(HERE / "upstream.py"), str(ports["upstream"])],
        "bare proxy": [peer, str(HERE / "plain_proxy.py"), str(ports["bare proxy"]), upstream, "bare"],
        "fastapi-proxy-lib": [
            peer,
            str(HERE / "plain_proxy.py"),
            str(ports["fastapi-proxy-lib"]),
            upstream,
            "library",
        ],
    }
    servers: dict[str, Server] = {}
    try:
        for name, command in commands.items():
            servers[name] = Server(command, {}, folder / f"{name}.log", ports[name])
        for name in ("upstream", *PROXIES):
            servers[name].until_it_answers(MODEL, _v2(0))
        with gateway(folder, upstream=upstream, redis=ports["redis"]) as measured:
            yield servers | {"gateway": measured}
    finally:
        for server in servers.values():
            server.stop()


def _v2(number: int) -> bytes:
    data = [sentence(number)]
    return json.dumps(
        {"id": str(number), "inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": data}]}
    ).encode()


def _round(servers: dict[str, Server], number: int, seconds: float) -> dict[str, Cell]:
    """Ask everybody once; who is first changes from round to round."""
    first = (number + 1) * 10_000_000

    def never_asked(write: Callable[[int], bytes]) -> list[bytes]:
        return [write(first + i) for i in range(int(3_000 * seconds))]

    direct = [request(MODEL, _v2(first + i), host=LOOPBACK) for i in range(200)]
    questions: dict[str, tuple[str, list[bytes], int]] = {
        "upstream": ("upstream", direct, 1),
        "bare proxy": ("bare proxy", direct, 1),
        "fastapi-proxy-lib": ("fastapi-proxy-lib", direct, 1),
        "gateway": ("gateway", never_asked(classify), 1),
        "gateway, cached": ("gateway", [classify(first)], 1),
        f"bare proxy, {CALLERS} callers": ("bare proxy", direct, CALLERS),
        f"fastapi-proxy-lib, {CALLERS} callers": ("fastapi-proxy-lib", direct, CALLERS),
        f"gateway, cached, {CALLERS} callers": ("gateway", [classify(first)], CALLERS),
    }
    order = list(questions) if number % 2 == 0 else list(reversed(questions))
    found = {name: cell(servers[questions[name][0]], *questions[name][1:], seconds) for name in order}
    found["batch"] = _batch(servers["gateway"].port, first + 5_000_000)
    for name in questions:
        print(f"{name:36} {found[name]}", flush=True)
    print(f"{'batch':36} {found['batch']}", flush=True)
    return found


def _batch(port: int, first: int) -> Cell:
    """Milliseconds of 256 sentences as one batch, and as 256 calls of one caller."""
    headers = {"Authorization": f"Bearer {token()}"}
    with httpx.Client(
        base_url=f"http://{LOOPBACK}:{port}", headers=headers, trust_env=False, timeout=60
    ) as client:
        begun = time.perf_counter()
        answer = client.post("/batch-classify", json={"texts": [sentence(first + i) for i in range(BATCH)]})
        batch = time.perf_counter() - begun
        assert answer.json()["failed"] == 0, answer.text[:500]
        begun = time.perf_counter()
        for i in range(BATCH):
            assert client.post("/classify", json={"text": sentence(first + BATCH + i)}).status_code == 200
        calls = time.perf_counter() - begun
    return {"batch_ms": round(batch * 1e3, 1), "calls_ms": round(calls * 1e3, 1)}


def _write(rounds: Sequence[dict[str, Cell]], memory: float, grown: dict[str, Cell]) -> None:
    def middle(name: str, field: str) -> float:
        return statistics.median(found[name][field] for found in rounds)

    def added(name: str, field: str) -> float:
        values = [found[name][field] - found["upstream"][field] for found in rounds]
        return round(statistics.median(values), 3)

    many = f"gateway, cached, {CALLERS} callers"
    found: dict[str, Any] = {
        "machine": figures.machine(),
        "cached_p50_ms": middle("gateway, cached", "p50_ms"),
        "cached_p99_ms": middle("gateway, cached", "p99_ms"),
        "added_p50_ms": added("gateway", "p50_ms"),
        "added_p99_ms": added("gateway", "p99_ms"),
        "added_cpu_ms": middle("gateway", "cpu_ms"),
        "cached_rps_per_core": round(1e3 / middle(many, "cpu_ms")),
        "cached_rps": middle(many, "per_second"),
        "batch_256_ms": middle("batch", "batch_ms"),
        "calls_256_ms": middle("batch", "calls_ms"),
        "rss_mb": round(memory),
        "proxies": {
            name: {
                "added_p50_ms": added(name, "p50_ms"),
                "added_p99_ms": added(name, "p99_ms"),
                "added_cpu_ms": middle(name, "cpu_ms"),
                "rps_per_core": round(1e3 / middle(f"{name}, {CALLERS} callers", "cpu_ms")),
            }
            for name in PROXIES
        },
        "load": os.getloadavg()[0],
        "growth": grown,
        "rounds": list(rounds),
    }
    figures.merge({"gateway": found})
    head = ["what", "p50 ms", "p99 ms", "answers/s", "CPU ms an answer"]
    rows = [
        [name, *(spread([one[name][field] for one in rounds], digits=digits) for field, digits in
                 (("p50_ms", 2), ("p99_ms", 1), ("per_second", 0), ("cpu_ms", 2)))]
        for name in rounds[0]
        if name != "batch"
    ]  # fmt: skip
    together, apart = found["batch_256_ms"], found["calls_256_ms"]
    batch = f"{BATCH} sentences: {together:.0f} ms as a batch, {apart:.0f} ms one by one."
    load = f"Load of the machine meanwhile: {found['load']:.0f}."
    note = (
        f"Medians and ranges of {len(rounds)} interleaved rounds. {batch} Memory: {memory:.0f} MB RSS. {load}"
    )
    figures.table("gateway", head, rows, note=note)
    print(
        json.dumps(
            {name: value for name, value in found.items() if name not in ("rounds", "growth")}, indent=2
        )
    )


if __name__ == "__main__":
    main()
