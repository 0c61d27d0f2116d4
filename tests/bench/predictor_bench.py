"""This predictor and its peers: the same weights, texts and callers, one after another, round by round.

    python -m bench.predictor_bench [--rounds N] [--seconds S] [--only NAME ...] [--whole]

The short form takes a quarter of an hour: every server in every round with 32 callers on the mixture; then,
once, ours and the best of the others with 1, 8 and 128 callers, and with texts of 8, 32 and 256 tokens.
`--whole` measures all of that of every server in every round. Into build/bench.json under `predictor`: every
figure of every round, and `ratios`, our requests a second divided by theirs. The two are of one round each,
since the machine may be another one a minute later. Nothing else should run.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import measured_model, peers, predictor_table, sentences
from bench.load import LoadError, closed_loop, request
from bench.peers import OURS, Peer
from bench.predictor_table import COMPARED, MIXTURE, Cell, Start
from bench.server import LOOPBACK, Server, StartError, free_port
from tables import REPO

TEXTS = 512
LEAD = 1.0
_PATIENCE = 180.0
"""Seconds after which a server that still owes answers is given up."""

Question = tuple[str, int]
"""Tokens, a length or MIXTURE, and callers."""
HEADLINE: list[Question] = [(MIXTURE, COMPARED)]
# The longest texts take the slowest peer a second each, and each caller's last one is waited for.
OTHERS: list[Question] = [
    (MIXTURE, 1), (MIXTURE, 8), (MIXTURE, 128),
    ("8", 1), ("8", 32), ("32", 1), ("32", 32), ("256", 1), ("256", 8),
]  # fmt: skip


def main() -> None:
    """Measure, print as it goes, and write after each round."""
    arguments = _arguments()
    # Told to stop, it stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    work = Path(os.environ.get("BENCH_WORK", REPO / "build/bench"))
    work.mkdir(parents=True, exist_ok=True)
    servers = _servers(work, set(arguments.only))
    run = _Run(work, arguments.seconds)
    for number in range(arguments.rounds):
        for peer in servers if number % 2 == 0 else reversed(servers):
            run.measure(peer, number, HEADLINE + OTHERS if arguments.whole else HEADLINE)
        predictor_table.write(servers, run.cells, run.starts)
    if not arguments.whole:
        for peer in _ours_and_best(servers, run.cells):
            run.measure(peer, 0, OTHERS)
        predictor_table.write(servers, run.cells, run.starts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.predictor_bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each figure")
    parser.add_argument("--only", nargs="*", default=["kserve_plain", "infinity", "mlserver"], help="peers")
    parser.add_argument("--whole", action="store_true", help="every figure of every server in every round")
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


def _ours_and_best(servers: Sequence[Peer], cells: Iterable[Cell]) -> list[Peer]:
    """Return ours and the peer that answered most in all rounds together; ours alone when none answered."""
    rates: dict[str, float] = {}
    for cell in cells:
        rates[cell.server] = rates.get(cell.server, 0.0) + cell.requests_per_second
    theirs = [peer for peer in servers if peer.name != OURS and peer.name in rates]
    best = max(theirs, key=lambda peer: rates[peer.name], default=None)
    return [peer for peer in servers if peer.name == OURS or peer is best]


class _Run:
    def __init__(self, work: Path, seconds: float) -> None:
        self.cells: list[Cell] = []
        self.starts: list[Start] = []
        self._work = work
        self._seconds = seconds
        self._texts = {MIXTURE: sentences.mixture(TEXTS, seed=1)} | {
            str(n): sentences.of_length(n, TEXTS, seed=n) for n in sentences.LENGTHS
        }

    def measure(self, peer: Peer, number: int, questions: Sequence[Question]) -> None:
        """Start a server, ask it, and stop it; one that does not answer costs its own figures alone."""
        port = free_port()
        log = self._work / f"{peer.name}.log"
        server = Server(peer.command(port), peer.environment(port), log, port)
        try:
            first = server.until_it_answers(peer.path, peer.body(self._texts[MIXTURE][:1]))
            self.starts.append(Start(number, peer.name, first))
            for question in questions:
                self.cells.append(self._cell(peer, server, number, question))
                print(_said(self.cells[-1]), flush=True)
        except (StartError, LoadError, OSError, EOFError, TimeoutError) as error:
            print(f"{peer.name}: {type(error).__name__}, see {log}: {str(error)[-400:]}", flush=True)
        finally:
            server.stop()

    def _cell(self, peer: Peer, server: Server, number: int, question: Question) -> Cell:
        tokens, callers = question
        requests = [request(peer.path, peer.body([text]), host=LOOPBACK) for text in self._texts[tokens]]
        before = server.cpu_seconds()
        loop = closed_loop(
            (LOOPBACK, server.port), requests, callers=callers, seconds=self._seconds, lead=LEAD
        )
        heard = asyncio.run(asyncio.wait_for(loop, self._seconds + LEAD + _PATIENCE))
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


if __name__ == "__main__":
    main()
