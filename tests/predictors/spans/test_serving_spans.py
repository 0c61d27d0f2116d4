"""A model that finds spans, over HTTP, from a real process that has a classifier beside it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

REPO = Path(__file__).parents[3]
PAIR = json.loads((REPO / "tests" / "contract" / "v2_infer_spans.json").read_bytes())
NAME = "company-normalizer-vi"
COMPANY = "Hòa Phát lưu dữ liệu."
BOTH = "Dữ liệu của Shopee VN , Nguyễn Lan (Quận Bình Thạnh)"


@pytest.fixture(scope="module")
def client(
    serve: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
    publish_to: Callable[..., Path],
    publish_tagger: Callable[..., Path],
) -> Iterator[httpx.Client]:
    root = tmp_path_factory.mktemp("volume")
    process = serve(publish_tagger(root), publish_to(root), "--no-auth", "--threads", "2")
    process.until_ready()
    with process.client() as client:
        yield client


def infer(client: httpx.Client, *texts: str, model: str = NAME) -> httpx.Response:
    given = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": list(texts)}
    return client.post(f"/v2/models/{model}/infer", json={"id": "7", "inputs": [given]})


def predict(client: httpx.Client, *texts: str) -> list[dict[str, Any]]:
    response = client.post(f"/v1/models/{NAME}:predict", json={"instances": list(texts)})
    assert response.status_code == 200, response.text
    assert len(response.json()["model_revision"]) == 64
    found: list[dict[str, Any]] = response.json()["predictions"]
    return found


def found(text: str, answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(text[one["start"] : one["end"]], one["label"]) for one in answer["spans"]]


def test_v2_has_a_list_of_spans_as_json_for_each_text(client: httpx.Client) -> None:
    response = infer(client, COMPANY, BOTH)
    assert response.status_code == 200, response.text
    outputs = {one["name"]: one for one in response.json()["outputs"]}
    assert {name: (one["datatype"], one["shape"]) for name, one in outputs.items()} == {
        "spans": ("BYTES", [2]),
        "tokens": ("INT64", [2]),
        "truncated": ("BOOL", [2]),
    }
    first, second = map(json.loads, outputs["spans"]["data"])
    assert [set(one) for one in first] == [{"start", "end", "label", "score"}]
    assert (first[0]["start"], first[0]["end"], first[0]["label"]) == (0, 8, "company")
    assert 0.9 < first[0]["score"] <= 1
    assert found(BOTH, {"spans": second}) == [
        ("Shopee VN", "company"),
        ("Nguyễn Lan", "person"),
        ("Quận Bình Thạnh", "address"),
    ]
    assert outputs["tokens"]["data"] == [2 + 6, 2 + 14]
    assert outputs["truncated"]["data"] == [False, False]
    assert (response.json()["model_name"], response.json()["id"]) == (NAME, "7")
    assert len(response.json()["parameters"]["model_revision"]) == 64


def test_v1_has_the_same_spans_as_objects(client: httpx.Client) -> None:
    answers = predict(client, COMPANY, BOTH)
    spans = json.loads(infer(client, COMPANY, BOTH).json()["outputs"][0]["data"][1])
    assert set(answers[1]) == {"spans", "tokens", "truncated"}
    assert [{**one, "score": pytest.approx(one["score"], abs=1e-3)} for one in spans] == answers[1]["spans"]


def test_a_text_without_spans_has_an_empty_list(client: httpx.Client) -> None:
    assert predict(client, "Khách hàng.")[0]["spans"] == []
    assert infer(client, "😀").json()["outputs"][0]["data"] == ["[]"]


def test_offsets_count_code_points_of_the_text_as_it_was_sent(client: httpx.Client) -> None:
    text = "😀 của Ho\u0300a Pha\u0301t\u00a0."
    (answer,) = predict(client, text)
    assert found(text, answer) == [("Ho\u0300a Pha\u0301t", "company")]


def test_a_text_alone_and_in_a_batch_gets_the_same_answer(client: httpx.Client) -> None:
    texts = [COMPANY, BOTH, "dữ liệu " * 60 + COMPANY, "Lan", BOTH * 7, "."] * 6
    together = predict(client, *texts)
    for text, one in zip(texts[:6], together[:6], strict=True):
        (alone,) = predict(client, text)
        assert found(text, one) == found(text, alone)
        assert (one["tokens"], one["truncated"]) == (alone["tokens"], alone["truncated"])
        scores = [[span["score"] for span in answer["spans"]] for answer in (one, alone)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-3)
    assert sum(len(one["spans"]) for one in together) == 6 * (1 + 3 + 1 + 1 + 21)


def test_a_long_text_is_cut_and_says_so(client: httpx.Client) -> None:
    (answer,) = predict(client, COMPANY + " dữ liệu" * 200 + COMPANY)
    assert (answer["tokens"], answer["truncated"]) == (256, True)
    assert [(one["start"], one["end"]) for one in answer["spans"]] == [(0, 8)]


def test_long_texts_are_answered_like_short_ones(client: httpx.Client) -> None:
    text = COMPANY + " " * 16_000 + "Lan"
    (answer,) = predict(client, text)
    assert found(text, answer) == [("Hòa Phát", "company"), ("Lan", "person")]


def test_metadata_names_the_outputs(client: httpx.Client) -> None:
    told = client.get(f"/v2/models/{NAME}").json()
    assert [(one["name"], one["datatype"], one["shape"]) for one in told["outputs"]] == [
        ("spans", "BYTES", [-1]),
        ("tokens", "INT64", [-1]),
        ("truncated", "BOOL", [-1]),
    ]


def test_the_classifier_beside_it_answers_as_ever(client: httpx.Client) -> None:
    response = infer(client, "The customer does agree.", model="tiny-en")
    names = [one["name"] for one in response.json()["outputs"]]
    assert names == ["category_id", "probabilities", "tokens", "truncated"]
    assert response.json()["outputs"][0]["data"] == [0]


def test_the_golden_request_gets_the_golden_response(client: httpx.Client) -> None:
    """The gateway replays the same pair. Revisions and scores may differ; nothing else may."""
    response = client.post(f"/v2/models/{NAME}/infer", json=PAIR["request"])
    assert response.status_code == 200
    answered, expected = response.json(), PAIR["response"]
    assert set(answered["parameters"]) == set(expected["parameters"]) == {"model_revision"}
    for one, other in zip(answered["outputs"], expected["outputs"], strict=True):
        if one["name"] == "spans":
            rows, wanted = ([json.loads(row) for row in side.pop("data")] for side in (one, other))
            assert rows == [
                [span | {"score": pytest.approx(span["score"], abs=1e-3)} for span in row] for row in wanted
            ]
        assert one == other
    assert {key: answered[key] for key in answered if key not in {"outputs", "parameters"}} == {
        key: expected[key] for key in expected if key not in {"outputs", "parameters"}
    }
