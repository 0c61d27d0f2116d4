"""What /metrics tells of the texts of a real process, and what it never tells."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

Measure = Callable[[str], float]


@pytest.fixture(scope="module")
def client(
    serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, publish_to: Callable[..., Path]
) -> Iterator[httpx.Client]:
    process = serve(publish_to(tmp_path_factory.mktemp("volume")), "--no-auth", "--threads", "1")
    process.until_ready()
    with process.client() as client:
        yield client


@pytest.fixture
def more(client: httpx.Client) -> Measure:
    """Tell by how much a series has grown since the test began; labels in the order of their names."""
    before = series(client)
    return lambda name: series(client).get(name, 0.0) - before.get(name, 0.0)


def series(client: httpx.Client) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in client.get("/metrics").text.splitlines() if line[:1] != "#"]
    return {name: float(value) for name, _, value in lines}


def ask(client: httpx.Client, *texts: object, model: str = "tiny-en", **headers: str) -> int:
    url = f"/v1/models/{model}:predict"
    return client.post(url, json={"instances": list(texts)}, headers=headers).status_code


def test_times_of_each_part_of_the_way(client: httpx.Client, more: Measure) -> None:
    assert ask(client, "We agree.", "A contract.") == 200
    counted = {name: more(f'veriaidpo_{name}_seconds_count{{model="tiny-en"}}') for name in
               ("request", "tokenise", "wait")}  # fmt: skip
    assert counted == {"request": 1, "tokenise": 1, "wait": 2}
    assert more('veriaidpo_batch_seconds_count{model="tiny-en"}') >= 1


def test_padding_is_what_the_longest_text_of_a_batch_costs_the_others(
    client: httpx.Client, more: Measure
) -> None:
    assert ask(client, "law " * 11, "law " * 12) == 200  # 13 and 14 tokens with [CLS] and [SEP]
    assert (more('veriaidpo_tokens_total{model="tiny-en"}'), more(PADDING)) == (27, 1)


PADDING = 'veriaidpo_padding_tokens_total{model="tiny-en"}'


def test_sizes_of_batches_and_what_waits(client: httpx.Client, more: Measure) -> None:
    assert ask(client, *["law " * 11] * 8) == 200
    batches = more('veriaidpo_batch_rows_count{model="tiny-en"}')
    assert 1 <= batches <= 8
    assert more('veriaidpo_batch_rows_sum{model="tiny-en"}') == 8
    assert more('veriaidpo_batch_seconds_count{model="tiny-en"}') == batches
    assert series(client)['veriaidpo_queue_tokens{model="tiny-en"}'] == 0  # and more than that: test_batching


def test_labels_and_confidence_by_revision(client: httpx.Client, more: Measure) -> None:
    digest = client.post("/v1/models/tiny-en:predict", json={"instances": ["tax"]}).json()["model_revision"]
    assert ask(client, "We agree and consent.", "agree", "order contract") == 200
    given = {
        label: more(f'veriaidpo_labels_total{{label="{label}",model="tiny-en",revision="{digest}"}}')
        for label in ("consent", "contract", "duty")
    }
    assert given == {"consent": 2, "contract": 1, "duty": 1}
    assert more(f'veriaidpo_confidence_count{{model="tiny-en",revision="{digest}"}}') == 4
    assert 1 < more(f'veriaidpo_confidence_sum{{model="tiny-en",revision="{digest}"}}') <= 4


def test_truncated_texts_are_counted(client: httpx.Client, more: Measure) -> None:
    assert ask(client, "law " * 300, "law") == 200
    assert more('veriaidpo_truncated_texts_total{model="tiny-en"}') == 1


@pytest.mark.parametrize(
    ("cause", "model", "texts", "headers"),
    [
        ("bad_input", "tiny-en", [7], {}),
        ("bad_input", "tiny-en", ["a"], {"X-Deadline-Ms": "soon"}),
        ("deadline", "tiny-en", ["a"], {"X-Deadline-Ms": "0"}),
        ("unknown_model", "", ["a"], {}),
    ],
)
def test_refusals_are_counted_by_cause(
    client: httpx.Client, more: Measure, cause: str, model: str, texts: list[object], headers: dict[str, str]
) -> None:
    assert ask(client, *texts, model=model or "nobody-knows-it", **headers) >= 400
    assert more(f'veriaidpo_refused_total{{cause="{cause}",model="{model}"}}') == 1


def test_what_alerts_are_about_is_told_before_it_happens(client: httpx.Client) -> None:
    told = series(client)
    assert told['veriaidpo_damaged_total{model="tiny-en"}'] == 0
    assert told['veriaidpo_unreadable_total{model="tiny-en"}'] == 0
    for cause in ("deadline", "failed", "queue_full", "stuck"):
        assert f'veriaidpo_refused_total{{cause="{cause}",model="tiny-en"}}' in told


def test_nothing_of_a_text_and_no_name_from_a_request_is_told(client: httpx.Client) -> None:
    ask(client, "secretword")
    ask(client, "a", model="nobody-knows-it")
    assert not re.search("secretword|nobody-knows-it", client.get("/metrics").text)


def test_labels_of_what_is_asked_aside_are_not_counted(client: httpx.Client, more: Measure) -> None:
    digest = client.post("/v1/models/tiny-en:predict", json={"instances": ["tax"]}).json()["model_revision"]
    assert ask(client, "agree", "order", **{"X-Aside": "true"}) == 200
    assert ask(client, "agree", **{"X-Aside": "no"}) == 200
    assert more(f'veriaidpo_labels_total{{label="consent",model="tiny-en",revision="{digest}"}}') == 1
    assert more(f'veriaidpo_confidence_count{{model="tiny-en",revision="{digest}"}}') == 2
