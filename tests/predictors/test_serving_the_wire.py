"""Both wire formats, over HTTP, from a real process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

CONSENT, CONTRACT = "The customer does agree.", "An order is a contract."


@pytest.fixture(scope="module")
def client(
    serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, publish_to: Callable[..., Path]
) -> Iterator[httpx.Client]:
    process = serve(publish_to(tmp_path_factory.mktemp("volume")), "--no-auth", "--threads", "2")
    process.until_ready()
    with process.client() as client:
        yield client


def infer(client: httpx.Client, *texts: object, **headers: str) -> httpx.Response:
    given = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": list(texts)}
    return client.post("/v2/models/tiny-en/infer", json={"id": "7", "inputs": [given]}, headers=headers)


def outputs(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return {one["name"]: one for one in response.json()["outputs"]}


def predict(client: httpx.Client, *texts: str) -> list[dict[str, Any]]:
    response = client.post("/v1/models/tiny-en:predict", json={"instances": list(texts)})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["predictions"]
    return found


def test_v2_answers_for_each_text_in_order(client: httpx.Client) -> None:
    response = infer(client, CONSENT, CONTRACT)
    found = outputs(response)
    kinds = {name: (one["datatype"], one["shape"]) for name, one in found.items()}
    assert kinds == {
        "category_id": ("INT64", [2]),
        "probabilities": ("FP32", [2, 3]),
        "tokens": ("INT64", [2]),
        "truncated": ("BOOL", [2]),
    }
    assert found["category_id"]["data"] == [0, 1]
    assert sum(found["probabilities"]["data"]) == pytest.approx(2, abs=1e-5)
    assert found["tokens"]["data"] == [7, 8]
    assert found["truncated"]["data"] == [False, False]
    assert response.json()["model_name"] == "tiny-en"
    assert response.json()["id"] == "7"
    assert len(response.json()["parameters"]["model_revision"]) == 64


def test_v2_metadata_tell_the_revision_and_what_it_was_made_for(client: httpx.Client) -> None:
    found = client.get("/v2/models/tiny-en").json()
    assert found["versions"] == [infer(client, CONSENT).json()["parameters"]["model_revision"]]
    assert found["platform"] == "onnx-fp32/any"
    assert [one["name"] for one in found["inputs"]] == ["text"]
    assert [one["name"] for one in found["outputs"]] == [
        "category_id", "probabilities", "tokens", "truncated",
    ]  # fmt: skip


def test_v1_answers_the_same_with_the_label(client: httpx.Client) -> None:
    found = predict(client, CONSENT, CONTRACT)
    assert [one["label"] for one in found] == ["consent", "contract"]
    assert [p for one in found for p in one["probabilities"]] == outputs(infer(client, CONSENT, CONTRACT))[
        "probabilities"
    ]["data"]


def test_a_text_alone_and_in_a_batch_gets_the_same_answer(client: httpx.Client) -> None:
    texts = [CONSENT, CONTRACT, "law " * 40, "tax", "the data of a customer " * 9]
    together = predict(client, *texts)
    alone = [predict(client, text)[0] for text in texts]
    for one, other in zip(together, alone, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-3)


def test_a_long_text_is_cut_at_256_tokens_and_says_so(client: httpx.Client) -> None:
    exact, longer = predict(client, "tax " * 254, "tax " * 255)
    assert (exact["tokens"], exact["truncated"]) == (256, False)
    assert (longer["tokens"], longer["truncated"]) == (256, True)


def test_a_special_token_that_a_caller_writes_is_only_text(client: httpx.Client) -> None:
    assert predict(client, "agree [SEP] [PAD]")[0]["tokens"] == 2 + 1 + 3 + 3


def test_the_request_id_comes_back_when_it_is_one(client: httpx.Client) -> None:
    assert infer(client, CONSENT, **{"X-Request-Id": "abc-123"}).headers["x-request-id"] == "abc-123"
    assert "x-request-id" not in infer(client, CONSENT, **{"X-Request-Id": "a b"}).headers


def test_a_deadline_that_has_passed_is_a_504(client: httpx.Client) -> None:
    response = infer(client, CONSENT, **{"X-Deadline-Ms": "0"})
    assert response.status_code == 504
    assert response.json() == {"error": "The deadline passed before the model could answer."}


def test_a_connection_survives_refusals(client: httpx.Client) -> None:
    for _ in range(20):
        assert infer(client, 7).status_code == 400
        assert infer(client, CONSENT).status_code == 200


def test_metadata_names_input_and_outputs(client: httpx.Client) -> None:
    found = client.get("/v2/models/tiny-en").json()
    assert [one["name"] for one in found["inputs"]] == ["text"]
    assert [one["name"] for one in found["outputs"]] == [
        "category_id",
        "probabilities",
        "tokens",
        "truncated",
    ]


def test_metrics_count_answers_by_model_and_code(client: httpx.Client) -> None:
    predict(client, CONSENT)
    client.post("/v2/models/nobody-knows-it/infer", json={})
    text = client.get("/metrics").text
    assert 'veriaidpo_requests_total{code="200",model="tiny-en"}' in text
    assert 'veriaidpo_model_ready{model="tiny-en"} 1.0' in text
    assert "nobody-knows-it" not in text
