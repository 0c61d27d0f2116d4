"""This predictor and its peers: the same weights, texts and callers, one after another, round by round.

    python -m bench.predictor_bench [--rounds N] [--seconds S] [--callers N] [--only NAME ...] [--short]

Into build/bench.json under `predictor`: every figure of every round, and `ratios`, our requests a second
divided by theirs. The two are of one round each, since the machine may be another one a minute later. Minutes
of both cores: nothing else should run.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import figures, measured_model, peers, sentences
from bench.figures import spread
from bench.load import closed_loop, request
from bench.peers import OURS, Peer
from bench.server import LOOPBACK, Server, free_port
from tables import REPO

CALLERS = (1, 8, 32, 128)
MIXTURE = "mixture"
TEXTS = 512
COMPARED = 32
"""Callers whose ratios are the headline."""
LEAD = 1.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of one server in one round; `tokens` is a length or MIXTURE."""

    round: int
    server: str
    tokens: str
    callers: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms_per_request: float
    rss_mb: float
    refused: int


@dataclass(frozen=True, slots=True)
class Start:
    """How a server began, in one round."""

    round: int
    server: str
    first_answer_seconds: float


def main() -> None:
    """Measure, print as it goes, and write."""
    arguments = _arguments()
    # Told to stop, it stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    work = Path(os.environ.get("BENCH_WORK", REPO / "build/bench"))
    work.mkdir(parents=True, exist_ok=True)
    servers = _servers(work, set(arguments.only))
    questions = {MIXTURE: sentences.mixture(TEXTS, seed=1)}
    if not arguments.short:
        questions |= {str(n): sentences.of_length(n, TEXTS, seed=n) for n in sentences.LENGTHS}
    cells: list[Cell] = []
    starts: list[Start] = []
    callers = [number for number in CALLERS if number <= arguments.callers]
    for number in range(arguments.rounds):
        for peer in servers if number % 2 == 0 else reversed(servers):
            start, found = _measure(
                peer, number, questions, callers=callers, seconds=arguments.seconds, logs=work
            )
            starts.append(start)
            cells += found
        _write(servers, cells, starts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.predictor_bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each figure")
    parser.add_argument("--callers", type=int, default=max(CALLERS), help="at most")
    parser.add_argument("--only", nargs="*", default=["kserve_plain", "infinity"], help="peers")
    parser.add_argument("--short", action="store_true", help="the mixture alone, not the single lengths")
    return parser.parse_args()


def _servers(work: Path, wanted: set[str]) -> list[Peer]:
    source = measured_model.source(work)
    found = [peers.ours(measured_model.revision(source, work))]
    if "kserve_plain" in wanted:
        found.append(peers.kserve_plain(source))
    if "infinity" in wanted:
        found.append(peers.infinity(source, work))
    if "mlserver" in wanted:
        found.append(peers.mlserver(source, work))
    return found


def _measure(
    peer: Peer,
    number: int,
    questions: dict[str, list[str]],
    *,
    callers: Sequence[int],
    seconds: float,
    logs: Path,
) -> tuple[Start, list[Cell]]:
    port = free_port()
    server = Server(peer.command(port), peer.environment(port), logs / f"{peer.name}.log", port)
    cells = []
    try:
        first = server.until_it_answers(peer.path, peer.body(questions[MIXTURE][:1]))
        for tokens, texts in questions.items():
            for many in _callers(tokens, callers):
                cells.append(_cell(peer, server, number, (tokens, texts), many, seconds))
                print(_said(cells[-1]), flush=True)
    finally:
        server.stop()
    return Start(number, peer.name, first), cells


def _callers(tokens: str, wanted: Sequence[int]) -> list[int]:
    """The longest texts take the slowest peer a second each, and each caller's last one is waited for."""
    some = {MIXTURE: CALLERS, str(max(sentences.LENGTHS)): (1, 8)}.get(tokens, (1, COMPARED))
    return [many for many in some if many in wanted]


def _cell(
    peer: Peer, server: Server, number: int, asked: tuple[str, Sequence[str]], callers: int, seconds: float
) -> Cell:
    tokens, texts = asked
    requests = [request(peer.path, peer.body([text]), host=LOOPBACK) for text in texts]
    before = server.cpu_seconds()
    heard = asyncio.run(
        closed_loop((LOOPBACK, server.port), requests, callers=callers, seconds=seconds, lead=LEAD)
    )
    used = server.cpu_seconds() - before
    latencies = sorted(heard.latencies) or [float("nan")]
    return Cell(
        round=number,
        server=peer.name,
        tokens=tokens,
        callers=callers,
        requests_per_second=round(heard.rate, 2),
        p50_ms=round(statistics.median(latencies) * 1e3, 1),
        p99_ms=round(latencies[int(len(latencies) * 0.99)] * 1e3, 1),
        cpu_ms_per_request=round(used / max(1, heard.answers) * 1e3, 1),
        rss_mb=round(server.megabytes("Rss")),
        refused=heard.refused,
    )


def _said(cell: Cell) -> str:
    return (
        f"{cell.server:13} {cell.tokens:>8} tokens {cell.callers:>4} callers: "
        f"{cell.requests_per_second:7.1f}/s  p50 {cell.p50_ms:8.1f} ms  p99 {cell.p99_ms:8.1f} ms  "
        f"{cell.cpu_ms_per_request:6.1f} CPU ms  {cell.rss_mb:5.0f} MB"
        f"{f', {cell.refused} refused' if cell.refused else ''}"
    )


def ratios(cells: Iterable[Cell], names: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Divide our requests a second by each peer's, round by round, on the mixture: {callers: {peer: [...]}}.

    `best_peer` is the one that answered most in that round.
    """
    rates = {(c.round, c.callers, c.server): c.requests_per_second for c in cells if c.tokens == MIXTURE}
    found: dict[str, dict[str, list[float]]] = {}
    for (number, callers, server), rate in sorted(rates.items()):
        if server != OURS:
            continue
        theirs = {name: rates[number, callers, name] for name in names if (number, callers, name) in rates}
        if not theirs:
            continue
        at = found.setdefault(str(callers), {})
        for name, other in [*theirs.items(), ("best_peer", max(theirs.values()))]:
            at.setdefault(name, []).append(round(rate / other, 2) if other else float("inf"))
    return found


def _write(servers: Sequence[Peer], cells: list[Cell], starts: list[Start]) -> None:
    names = [peer.name for peer in servers if peer.name != OURS]
    by_round = ratios(cells, names)
    medians = {
        callers: {name: statistics.median(values) for name, values in at.items()}
        for callers, at in by_round.items()
    }
    predictor: dict[str, Any] = {
        "machine": figures.machine(),
        "ratios": medians.get(str(COMPARED), {}),
        "ratios_by_callers": medians,
        "ratios_by_round": by_round,
        "cells": [asdict(cell) for cell in cells],
        "starts": [asdict(start) for start in starts],
    }
    figures.merge({"predictor": predictor})
    head = ["server", "tokens", "callers", "requests/s", "p50 ms", "p99 ms", "CPU ms a request", "RSS MB"]
    rows = [row for peer in servers for row in _rows(peer, cells)]
    rounds = len({cell.round for cell in cells})
    note = f"Medians and ranges of {rounds} interleaved rounds." if rounds > 1 else "One round."
    figures.table("predictor", head, rows, note=note)
    against = [
        [callers, *(spread(at.get(name, [float("nan")]), digits=2) for name in [*names, "best_peer"])]
        for callers, at in by_round.items()
    ]
    figures.table("ratios", ["callers", *names, "best of them"], against)
    print("written to build/bench.json and docs/performance.md; ratios:", predictor["ratios"])


def _rows(peer: Peer, cells: Iterable[Cell]) -> list[list[str]]:
    grouped: dict[tuple[str, int], list[Cell]] = {}
    for cell in cells:
        if cell.server == peer.name:
            grouped.setdefault((cell.tokens, cell.callers), []).append(cell)
    return [
        [
            peer.what, tokens, str(callers),
            spread([one.requests_per_second for one in same]), spread([one.p50_ms for one in same], digits=0),
            spread([one.p99_ms for one in same], digits=0), spread([one.cpu_ms_per_request for one in same]),
            spread([one.rss_mb for one in same], digits=0),
        ]
        for (tokens, callers), same in grouped.items()
    ]  # fmt: skip


if __name__ == "__main__":
    main()
