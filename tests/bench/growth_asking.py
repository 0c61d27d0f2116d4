"""How the figures of growth are asked for: predictors of some revisions, questions to a model, quantiles."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import peers
from bench.load import request
from bench.server import LOOPBACK, Server, free_port

LEAD = 1.0
TEXTS = 256


@contextmanager
def serving(revisions: Sequence[Path], log: Path) -> Iterator[Server]:
    """Run one predictor of them all until the block ends; each has answered once."""
    port = free_port()
    server = Server(peers.serve(revisions, port), {}, log, port)
    try:
        for revision in revisions:
            server.until_it_answers(_path(name_of(revision)), peers.instances(["w5 w6"]))
        yield server
    finally:
        server.stop()


def name_of(revision: Path) -> str:
    """Name the model of a published revision."""
    return revision.parents[1].name


def requests(model: str, texts: Sequence[str]) -> list[bytes]:
    """Give the requests that ask a model one text each."""
    return [request(_path(model), peers.instances([text]), host=LOOPBACK) for text in texts]


def quantile(latencies: Sequence[float], share: float) -> float:
    """Give a quantile in milliseconds; -1 of nothing."""
    ordered = sorted(latencies)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3, 1) if ordered else -1.0


def _path(model: str) -> str:
    return f"/v1/models/{model}:predict"
