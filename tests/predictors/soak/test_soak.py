"""A predictor among callers who leave, hurry, flood and send rubbish: nothing lost, nothing leaked.

Five minutes, or an hour with SOAK=1. SOAK_REVISION names the directory of another revision than that of the
demonstration model, such as one of PhoBERT-base's size.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from .crowd import Answer, Crowd, answers, near
from .held import Held, growth, look, slope

pytestmark = pytest.mark.slow

REPO = Path(__file__).parents[3]
SECONDS = 3600 if os.environ.get("SOAK") else 300
WARM_UP = 60
"""Seconds until every buffer and pool has its size."""
MODEL = "principles-vi"


@pytest.fixture
def revision(publish_to: Callable[..., Path], tmp_path: Path, demo_models: Path) -> Path:
    given = os.environ.get("SOAK_REVISION")
    if given:
        return Path(given)
    catalogue = yaml.safe_load((REPO / "charts/veriaidpo/files/catalogue.yaml").read_bytes())["models"]
    (model,) = (one for one in catalogue if one["name"] == MODEL)
    folder = demo_models / MODEL
    return publish_to(
        tmp_path,
        name=MODEL,
        labels=model["labels"],
        goldenSentences=model["goldenSentences"],
        tokenizer="phobert-bpe",
        content={
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix not in {".safetensors", ".md"}
        },
    )


@pytest.fixture
def process(serve: Callable[..., Any], revision: Path) -> Any:
    process = serve(revision, "--no-auth", "--threads", "2")
    process.until_ready()
    return process


def sentences() -> list[str]:
    """Sentences of the catalogue, alone and strung together up to what a model reads and beyond."""
    catalogue = yaml.safe_load((REPO / "charts/veriaidpo/files/catalogue.yaml").read_bytes())["models"]
    single = [one["text"] for model in catalogue for one in model["goldenSentences"]]
    return single + [" ".join(single[i : i + many]) for many in (3, 9) for i in range(0, len(single), many)]


def told_apart(client: httpx.Client, model: str) -> dict[str, Answer]:
    """Ask each alone; keep those whose answers nobody could take for one another's."""
    known: dict[str, Answer] = {}
    for text in sentences():
        given = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}
        answer = client.post(f"/v2/models/{model}/infer", json={"inputs": [given]})
        ((tokens, probabilities),) = answers(answer.json())
        if not any(tokens == other and near(probabilities, one) for other, one in known.values()):
            known[text] = (tokens, probabilities)
    return known


def metric(client: httpx.Client, name: str) -> float:
    """Return the sum of a metric's series."""
    lines = (line.rpartition(" ") for line in client.get("/metrics").text.splitlines())
    return sum(float(value) for series, _, value in lines if series.startswith(name))


async def watch(pid: int, samples: list[Held]) -> None:
    while True:
        samples.append(look(pid))
        await asyncio.sleep(2)


def test_nothing_is_lost_and_nothing_leaks(process: Any, revision: Path) -> None:
    model = json.loads((revision / "manifest.json").read_bytes())["model"]
    pid = process.process.pid
    with process.client() as client:
        known = told_apart(client, model)
    assert len(known) > 50  # one of random weights tells 87 of 364 apart
    time.sleep(1)  # the connection is closed
    before = look(pid)
    crowd = Crowd(process.url, model, known, seed=7)
    samples: list[Held] = []

    async def soak() -> None:
        watching = asyncio.create_task(watch(pid, samples))
        await crowd.go_on(SECONDS)
        watching.cancel()

    begun = time.monotonic()
    asyncio.run(soak())
    seconds = time.monotonic() - begun
    steady = [one for one in samples if one.moment > begun + min(WARM_UP, SECONDS / 5)]
    time.sleep(3)  # the server notices that connections are closed
    after = look(pid)
    figures = {
        "seconds": round(seconds),
        "counts": dict(sorted(crowd.seen.counts.items())),
        "wrong": crowd.seen.wrong[:20],
        "own_mb": [round(before.own, 1), round(steady[0].own, 1), round(after.own, 1)],
        "most_own_mb": round(max(one.own for one in steady), 1),
        "growth_mb": round(growth(steady), 1),
        "slope_mb_an_hour": round(slope(steady), 1),
        "threads": [before.threads, max(one.threads for one in samples), after.threads],
        "files": [before.files, max(one.files for one in samples), after.files],
    }
    print(json.dumps(figures, indent=1))
    path = REPO / "build" / "soak.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n")

    assert crowd.seen.wrong == []
    happened = {kind for kind, many in crowd.seen.counts.items() if many}
    assert {"alone 200", "several 200", "hurried 504", "left", "flood 503", "bad 400"} <= happened
    asked_alone = sum(many for kind, many in crowd.seen.counts.items() if kind.startswith("alone"))
    assert crowd.seen.counts["alone 200"] > 0.9 * asked_alone
    assert growth(steady) < 0.03 * steady[0].own
    assert after.files <= before.files
    assert after.threads <= before.threads + (os.cpu_count() or 1) + 4  # those of asyncio.to_thread, at most
    with process.client() as client:
        assert metric(client, "veriaidpo_queue_tokens{") == 0
        assert metric(client, f'veriaidpo_requests_total{{code="500",model="{model}"}}') == 0
        assert told_apart(client, model).keys() == known.keys()
    assert process.terminate() == 0
