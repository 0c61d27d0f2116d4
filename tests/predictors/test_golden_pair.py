"""The golden pair of the wire: a request and the demonstration model's answer. The gateway replays it too."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

REPO = Path(__file__).parents[2]
PAIR = json.loads((REPO / "tests" / "contract" / "v2_infer.json").read_bytes())
CATALOGUE = yaml.safe_load((REPO / "charts" / "veriaidpo" / "files" / "catalogue.yaml").read_bytes())
DEMO = [
    model
    for model in CATALOGUE["models"]
    if model["name"] in {"principles-vi", "legal-basis-vi", "principles-en"}
]
KINDS = {"principles-vi": "phobert-bpe", "legal-basis-vi": "sentencepiece", "principles-en": "wordpiece"}


@pytest.fixture(scope="module")
def client(
    serve: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
    publish_to: Callable[..., Path],
    demo_models: Path,
) -> Iterator[httpx.Client]:
    """Serve the three demonstration models: ready means that each golden sentence got its label."""
    root = tmp_path_factory.mktemp("volume")
    directories = [
        publish_to(
            root,
            name=model["name"],
            labels=model["labels"],
            goldenSentences=model["goldenSentences"],
            tokenizer=KINDS[model["name"]],
            content={
                path.relative_to(demo_models / model["name"]).as_posix(): path.read_bytes()
                for path in sorted((demo_models / model["name"]).rglob("*"))
                if path.is_file() and path.suffix not in {".safetensors", ".md"}
            },
        )
        for model in DEMO
    ]
    process = serve(*directories, "--no-auth")
    process.until_ready()
    with process.client() as client:
        yield client


def test_the_demonstration_models_are_all_there() -> None:
    assert len(DEMO) == len(KINDS)
    assert all(len(model["goldenSentences"]) >= 4 for model in DEMO)


def test_the_request_gets_the_response(client: httpx.Client) -> None:
    response = client.post("/v2/models/principles-vi/infer", json=PAIR["request"])
    assert response.status_code == 200
    found, expected = response.json(), PAIR["response"]
    assert {key: found[key] for key in found if key not in {"outputs", "parameters"}} == {
        key: expected[key] for key in expected if key not in {"outputs", "parameters"}
    }
    assert set(found["parameters"]) == set(expected["parameters"]) == {"model_revision"}
    for one, other in zip(found["outputs"], expected["outputs"], strict=True):
        data, wanted = one.pop("data"), other["data"]
        assert data == (pytest.approx(wanted, abs=1e-3) if one["name"] == "probabilities" else wanted)
        assert one == {key: value for key, value in other.items() if key != "data"}


def test_every_golden_sentence_of_the_catalogue_gets_its_label(client: httpx.Client) -> None:
    for model in DEMO:
        texts = [golden["text"] for golden in model["goldenSentences"]]
        found = client.post(f"/v1/models/{model['name']}:predict", json={"instances": texts}).json()[
            "predictions"
        ]
        assert [one["label"] for one in found] == [golden["label"] for golden in model["goldenSentences"]]


def test_alone_and_in_a_batch_the_answer_is_the_same(client: httpx.Client) -> None:
    for model in DEMO:
        texts = [golden["text"] * (1 + number % 5) for number, golden in enumerate(model["goldenSentences"])]
        path = f"/v1/models/{model['name']}:predict"
        together = client.post(path, json={"instances": texts}).json()["predictions"]
        for text, one in zip(texts, together, strict=True):
            alone = client.post(path, json={"instances": [text]}).json()["predictions"][0]
            assert one["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-3)
