"""The figures of servers beside each other: ratios between them, and where they are written."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench import figures
from bench.figures import spread
from bench.peers import OURS, Peer

MIXTURE = "mixture"
COMPARED = 32
"""Callers whose ratios are the headline."""


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


def write(servers: Sequence[Peer], cells: list[Cell], starts: list[Start]) -> None:
    """Merge every figure into build/bench.json, and write the two tables."""
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
        [callers, *(spread(at[name], digits=2) if name in at else "-" for name in [*names, "best_peer"])]
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
