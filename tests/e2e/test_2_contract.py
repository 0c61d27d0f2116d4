"""The HTTP contract, through the ingress."""

import json

import pytest

from .cluster import CATALOGUE, CLASSIFIERS, DEMO_MODELS, HOST, NAMESPACE, classify, ingress, kubectl

CLASSIFY = "/api/v1/veriaidpo/classify"


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_held_out_sentences_get_their_labels(name: str, tokens: dict[str, str]) -> None:
    model = CATALOGUE[name]
    labels = model["labels"]
    for golden in model["goldenSentences"]:
        answer = classify(golden["text"], model["modelType"], model["language"], tokens["staff"])
        assert answer.status_code == 200, answer.text
        body = answer.json()
        wanted = next(i for i, label in enumerate(labels) if label["id"] == golden["label"])
        assert body["category_id"] == wanted
        assert body["prediction"] == labels[wanted][model["language"]]
        assert len(body["probabilities"]) == len(labels)
        assert abs(sum(body["probabilities"]) - 1) < 1e-3
        assert len(body["model_revision"]) == 64


@pytest.mark.parametrize("base", ["/api/v1/veriaidpo", "/api/v1", ""])
def test_every_base_answers(base: str, tokens: dict[str, str]) -> None:
    answer = ingress(
        f"{base}/classify",
        json={"text": "Shopee VN thu thập email khách hàng"},
        headers={"Authorization": f"Bearer {tokens['staff']}"},
    )
    assert answer.status_code == 200
    assert answer.json()["detected_companies"] == ["Shopee VN"]
    assert answer.json()["normalized_text"] == "[COMPANY] thu thập email khách hàng"


def test_the_same_question_again_is_cached(tokens: dict[str, str]) -> None:
    text = "Chúng tôi chỉ hỏi những dữ liệu cần cho việc giao hàng, câu hỏi số 42"
    first = classify(text, "principles", "vi", tokens["staff"]).json()
    again = classify(text, "principles", "vi", tokens["staff"]).json()
    assert (first["cached"], again["cached"]) == (False, True)
    assert again["probabilities"] == pytest.approx(first["probabilities"], abs=1e-6)
    assert again["model_revision"] == first["model_revision"]


def test_no_token_is_a_401() -> None:
    answer = ingress(CLASSIFY, json={"text": "x"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert {"code", "error", "error_vi"} <= answer.json()["detail"].keys()


@pytest.mark.parametrize("body", [b'{"text": "x"}', b"{not json", b""])
def test_the_wrong_role_is_a_403_whatever_the_body(body: bytes, tokens: dict[str, str]) -> None:
    answer = ingress(
        CLASSIFY,
        content=body,
        headers={"Authorization": f"Bearer {tokens['viewer']}", "Content-Type": "application/json"},
    )
    assert answer.status_code == 403
    detail = answer.json()["detail"]
    assert detail["required_permission"] == "processing_activity.read"
    assert detail["user_role"] == "viewer"


def test_an_unknown_type_is_a_400_that_lists_the_known_ones(tokens: dict[str, str]) -> None:
    answer = classify("x y z", "horoscope", "vi", tokens["staff"])
    assert answer.status_code == 400
    assert "principles" in answer.text
    assert "legal_basis" in answer.text
    assert {"code", "error", "error_vi"} <= answer.json()["detail"].keys()


def test_an_unknown_language_is_a_400(tokens: dict[str, str]) -> None:
    assert classify("x y z", "legal_basis", "en", tokens["staff"]).status_code == 400


def test_a_bad_body_is_a_422_without_the_callers_words(tokens: dict[str, str]) -> None:
    answer = ingress(
        CLASSIFY,
        json={"text": 5, "model_type": "bí mật của tôi"},
        headers={"Authorization": f"Bearer {tokens['staff']}"},
    )
    assert answer.status_code == 422
    assert "bí mật" not in answer.text


def test_model_status_is_for_auditors(tokens: dict[str, str]) -> None:
    path = "/api/v1/veriaidpo/model-status"
    refused = ingress(path, method="GET", headers={"Authorization": f"Bearer {tokens['staff']}"})
    assert refused.status_code == 403
    shown = ingress(path, method="GET", headers={"Authorization": f"Bearer {tokens['auditor']}"})
    assert shown.status_code == 200
    assert all(name in shown.text for name in DEMO_MODELS)


@pytest.mark.parametrize(
    "host",
    [
        f"principles-vi-{NAMESPACE}.example.com",
        f"principles-vi.{NAMESPACE}.example.com",
        f"principles-vi-predictor-{NAMESPACE}.example.com",
        f"principles-vi-predictor.{NAMESPACE}.svc.cluster.local",
    ],
)
def test_a_predictor_has_no_way_in_from_outside(host: str, tokens: dict[str, str]) -> None:
    answer = ingress("/v1/models/principles-vi:predict", json={"instances": ["x"]}, host=host)
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_inner_routes_are_not_behind_the_ingress(path: str) -> None:
    assert ingress(path, method="GET").status_code == 404


PROBE = """
import json, sys
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

opener = build_opener(ProxyHandler({}))

def status(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    sent = Request(url, data, {"Content-Type": "application/json"})
    try:
        with opener.open(sent, timeout=30) as answer:
            return answer.status
    except HTTPError as error:
        return error.code

base = sys.argv[1]
v1, v2 = base + "/v1/models/principles-vi", base + "/v2/models/principles-vi"
text = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["xin chao"]}
print(json.dumps({
    "v2": status(v2 + "/infer", {"inputs": [text]}),
    "v1": status(v1 + ":predict", {"instances": ["xin chao"]}),
    "metadata": status(v2),
    "unload": status(base + "/v2/repository/models/principles-vi/unload", {}),
    "ready": status(v2 + "/ready"),
}))
"""


def test_inside_the_cluster_a_predictor_answers_only_the_gateway() -> None:
    url = kubectl("get", "model", "principles-vi", "-o", "jsonpath={.status.inferenceService.url}")
    answers = json.loads(kubectl("exec", "deploy/veriaidpo-gateway", "--", "python", "-c", PROBE, url))
    assert answers["ready"] == 200
    assert (answers["v1"], answers["v2"], answers["metadata"]) == (401, 401, 401)
    assert answers["unload"] in {400, 401, 403, 404, 405}
    again = kubectl("exec", "deploy/veriaidpo-gateway", "--", "python", "-c", PROBE, url)
    assert json.loads(again)["ready"] == 200, "an unload by a stranger must not unload"


def test_host_header_decides(tokens: dict[str, str]) -> None:
    assert ingress("/health", method="GET", host="other.local").status_code == 404
    assert ingress("/health", method="GET", host=HOST).status_code == 200
