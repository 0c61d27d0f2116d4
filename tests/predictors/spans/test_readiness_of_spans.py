"""A model that finds spans is ready when it finds exactly those of its golden sentences."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_predictor.computing import session
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.fetching import fetch
from veriaidpo_predictor.serving.registry import open_models
from veriaidpo_predictor.serving.served import Served, State

REPO = Path(__file__).parents[3]
TEXT = "Hòa Phát lưu dữ liệu của Nguyễn Lan."
COMPANY = {"start": 0, "end": 8, "label": "company"}
PERSON = {"start": 25, "end": 35, "label": "person"}
Publish = Callable[..., Path]


@pytest.fixture
def load(volume: Path, publish_tagger: Publish) -> Iterator[Callable[..., Served]]:
    pool = Pool(1)

    def loaded(**changes: Any) -> Served:
        (model,) = open_models([publish_tagger(volume, **changes)], pool=pool, limits=Limits())
        model.load()
        return model

    yield loaded
    pool.stop()


def test_the_spans_it_should_find(load: Callable[..., Served]) -> None:
    model = load(goldenSentences=[{"text": TEXT, "spans": [COMPANY, PERSON]}, {"text": ".", "spans": []}])
    assert (model.state, model.reason) == (State.READY, "")


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ([COMPANY], "got company 0-8 and person 25-35, not company 0-8."),
        (
            [COMPANY, PERSON | {"end": 36}],
            "got company 0-8 and person 25-35, not company 0-8 and person 25-36.",
        ),
        ([COMPANY, PERSON | {"label": "address"}], "person 25-35, not company 0-8 and address 25-35."),
        ([], "got company 0-8 and person 25-35, not no span."),
    ],
)
def test_others_and_it_is_rejected_with_what_it_found(
    load: Callable[..., Served], wanted: list[dict[str, Any]], sentence: str
) -> None:
    golden = [{"text": ".", "spans": []}, {"text": TEXT, "spans": wanted}]
    model = load(goldenSentences=golden)
    assert model.state is State.REJECTED
    assert model.reason.startswith("Golden sentence 2 ")
    assert model.reason.endswith(sentence)


def test_of_many_spans_only_some_are_told(load: Callable[..., Served]) -> None:
    model = load(goldenSentences=[{"text": "Hòa " * 9, "spans": []}])
    assert model.reason.count("company") == 5
    assert model.reason.endswith(" and 4 more, not no span.")


def test_without_golden_sentences_a_fixed_text_is_answered_first(load: Callable[..., Served]) -> None:
    assert load(goldenSentences=[]).state is State.READY


def test_a_graph_with_other_tags_than_the_manifest_is_not_served(
    load: Callable[..., Served],
    tagger_files: Callable[..., dict[str, bytes]],
    tagger_graph: Callable[..., bytes],
) -> None:
    fewer = tagger_graph({}, 40, ("O", "B-company", "I-company"))
    model = load(content=tagger_files() | {"onnx/model.onnx": fewer})
    assert model.state is State.FAILED
    assert (
        model.reason
        == "The graph's first output is not one score for each tag of the manifest for each token."
    )


def test_a_classifiers_graph_is_not_served_as_one_that_finds_spans(
    load: Callable[..., Served],
    tagger_files: Callable[..., dict[str, bytes]],
    repository: Callable[..., dict[str, bytes]],
) -> None:
    model = load(content=tagger_files() | {"onnx/model.onnx": repository()["onnx/model.onnx"]})
    assert model.state is State.FAILED
    assert "for each token" in model.reason


def test_the_engine_gives_each_row_the_scores_of_its_own_tokens(
    volume: Path, publish_tagger: Publish
) -> None:
    run = session.load(publish_tagger(volume), labels=7, per_token=True)
    long, short = run([[2, 5, 6, 3], [2, 3]])
    assert (long.shape, short.shape) == ((4, 7), (2, 7))
    (alone,) = run([[2, 3]])
    assert short == pytest.approx(alone, abs=1e-5)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Callable[[dict[str, bytes]], str]]:
    """Serve one repository, `demo/normalizer`; gives the hub's address."""
    started: list[subprocess.Popen[str]] = []

    def start(content: dict[str, bytes]) -> str:
        for path, data in content.items():
            (tmp_path / "hub" / "normalizer" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "hub" / "normalizer" / path).write_bytes(data)
        process = subprocess.Popen(
            [sys.executable, "-m", "veriaidpo_hub", "--port", "0", "--root", f"demo={tmp_path / 'hub'}"],
            env=os.environ | {"PYTHONPATH": str(REPO / "hack" / "hub"), "HUB_TOKEN": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        address = re.search(r"http://[\d.:]+", process.stdout.readline())
        assert address is not None
        return address[0]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def fetched(
    tmp_path: Path, volume: Path, publish_tagger: Publish, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[int, dict[str, Any]]]:
    """Fetch the repository; gives the exit code and what was said at the end."""
    told = json.loads((publish_tagger(tmp_path / "other") / "manifest.json").read_bytes())
    kept = ("modelType", "language", "task", "labels", "goldenSentences")
    asked = {"name": told["model"], "source": {"uri": "hf://demo/normalizer"}} | {
        key: told[key] for key in kept
    }

    def run(url: str) -> tuple[int, dict[str, Any]]:
        said = tmp_path / "said"
        environment = {"HF_ENDPOINT": url, "FETCH_SPEC": json.dumps(asked), "TERMINATION_LOG": str(said)}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        volume.mkdir(exist_ok=True)
        code = fetch.run(None, root=volume, progress_port=None, attempts=3)
        return code, json.loads(said.read_bytes())

    return run


def test_what_was_fetched_records_the_tags_and_is_served(
    hub: Callable[..., str],
    tagger_files: Callable[..., dict[str, bytes]],
    fetched: Callable[..., tuple[int, dict[str, Any]]],
    volume: Path,
    serve: Callable[..., Any],
) -> None:
    url = hub(tagger_files())
    code, said = fetched(url)
    assert (code, said["reason"], said["warnings"]) == (0, "Published", [])
    revision = volume / "models" / "company-normalizer-vi" / "revisions" / said["digest"]
    told = json.loads((revision / "manifest.json").read_bytes())
    assert told["tags"] == [
        "B-person", "I-person", "O", "I-company", "B-company", "B-address", "I-address"
    ]  # fmt: skip
    assert serve(revision, "--no-auth").until_ready().status_code == 200
    assert fetched(url)[1]["reason"] == "Adopted"


def test_a_model_with_generic_tags_is_not_fetched(
    hub: Callable[..., str],
    tagger_files: Callable[..., dict[str, bytes]],
    fetched: Callable[..., tuple[int, dict[str, Any]]],
    volume: Path,
) -> None:
    generic = json.dumps({"id2label": {str(i): f"LABEL_{i}" for i in range(7)}}).encode()
    code, said = fetched(hub(tagger_files() | {"config.json": generic}))
    assert (code, said["reason"]) == (16, "LabelsMismatch")
    assert "generic names" in said["message"]
    assert not list(volume.glob("models/*/revisions/*"))
