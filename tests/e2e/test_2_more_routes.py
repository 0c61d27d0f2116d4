"""Batches, every classifier at once, normalisation, revocation: with the real models and both replicas."""

import base64
import json
import time

from .cluster import BASE, CATALOGUE, CLASSIFIERS, classify, eventually, ingress, kubectl


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def golden_items() -> list[dict[str, str]]:
    """Return items of all models, mixed, each with the label it has to get."""
    found = []
    for name in CLASSIFIERS:
        model = CATALOGUE[name]
        names = {label["id"]: label[model["language"]] for label in model["labels"]}
        for golden in model["goldenSentences"]:
            item = {"text": golden["text"], "model_type": model["modelType"], "language": model["language"]}
            found.append({**item, "expected": names[golden["label"]]})
    return sorted(found, key=lambda item: item["text"])


def test_a_mixed_batch_keeps_its_order_and_fails_item_by_item(tokens: dict[str, str]) -> None:
    golden = golden_items()
    items = [{"id": i, **{k: v for k, v in item.items() if k != "expected"}} for i, item in enumerate(golden)]
    items.insert(3, {"id": "bad", "text": "x", "model_type": "horoscope"})
    answer = ingress(f"{BASE}/batch-classify", json={"items": items}, headers=bearer(tokens["staff"]))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["total"], body["failed"]) == (len(items), 1)
    bad = body["results"].pop(3)
    assert bad["id"] == "bad"
    assert {"code", "error", "error_vi"} <= bad["detail"].keys()
    assert [result["id"] for result in body["results"]] == list(range(len(golden)))
    assert [r["prediction"] for r in body["results"]] == [item["expected"] for item in golden]


def test_a_stream_of_lines_is_answered_line_by_line(tokens: dict[str, str]) -> None:
    golden = golden_items()
    lines = [{"id": i, **{k: v for k, v in item.items() if k != "expected"}} for i, item in enumerate(golden)]
    text = "\n".join(json.dumps(line) for line in lines) + "\n"
    headers = {**bearer(tokens["staff"]), "Content-Type": "application/x-ndjson"}
    answer = ingress(f"{BASE}/batch-classify", content=text.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    *results, last = (json.loads(line) for line in answer.text.splitlines())
    assert (last["complete"], last["lines"], last["answers"]) == (True, len(golden), len(golden))
    assert [result["id"] for result in results] == list(range(len(golden)))
    assert [result.get("prediction") for result in results] == [item["expected"] for item in golden]


def test_one_text_goes_to_every_classifier_of_its_language(tokens: dict[str, str]) -> None:
    text = "Shopee VN thu thập email khách hàng"
    answer = ingress(
        f"{BASE}/classify-all", json={"text": text, "language": "vi"}, headers=bearer(tokens["staff"])
    )
    assert answer.status_code == 200, answer.text
    types = {CATALOGUE[name]["modelType"] for name in CLASSIFIERS if CATALOGUE[name]["language"] == "vi"}
    assert len(types) == 10
    assert {result["model_type"] for result in answer.json()["results"]} == types
    assert all("prediction" in result for result in answer.json()["results"])


def test_normalisation_is_for_data_protection_officers(tokens: dict[str, str]) -> None:
    body = {"text": "Ông Nguyễn Văn An mua hàng của Shopee VN", "normalize_persons": True}
    assert ingress(f"{BASE}/normalize", json=body, headers=bearer(tokens["staff"])).status_code == 403
    answer = ingress(f"{BASE}/normalize", json=body, headers=bearer(tokens["dpo"]))
    assert answer.status_code == 200, answer.text
    assert answer.json()["detected_companies"] == ["Shopee VN"]
    assert "Nguyễn Văn An" not in answer.json()["normalized_text"]
    assert "[COMPANY]" in answer.json()["normalized_text"]


def test_the_company_normaliser_finds_what_no_rule_knows(tokens: dict[str, str]) -> None:
    sources = set()
    for golden in CATALOGUE["company-normalizer-vi"]["goldenSentences"]:
        body = {"text": golden["text"], "normalize_persons": True, "normalize_locations": True}
        answer = ingress(f"{BASE}/normalize", json=body, headers=bearer(tokens["dpo"]))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert len(found["model_revision"]) == 64
        for span in found["spans"]:
            assert golden["text"][span["start"] : span["end"]] == span["text"]
            sources.add(span["source"])
        covered = {at for span in found["spans"] for at in range(span["start"], span["end"])}
        for span in golden["spans"]:
            assert set(range(span["start"], span["end"])) <= covered, (golden, found["spans"])
    assert "model" in sources


def test_the_company_normaliser_classifies_nothing(tokens: dict[str, str]) -> None:
    answer = classify("Ông An mua hàng", "company_normalizer", "vi", tokens["staff"])
    assert answer.status_code == 400
    assert answer.json()["detail"]["code"] == "not_a_classifier"
    assert "/normalize" in answer.json()["detail"]["error_vi"]


def test_a_revoked_token_is_refused_by_both_replicas(tokens: dict[str, str]) -> None:
    token = kubectl(
        *("exec", "deploy/veriaidpo-gateway", "--", "veriaidpo-gateway", "token", "--role", "staff")
    ).strip()
    payload = token.split(".")[1]
    jti = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]
    assert classify("xin chào", "principles", "vi", token).status_code == 200
    revoked = ingress(f"{BASE}/revocations", json={"jti": jti}, headers=bearer(tokens["admin"]))
    assert revoked.status_code == 200, revoked.text

    def refused_by_all() -> bool:
        return all(classify("xin chào", "principles", "vi", token).status_code == 401 for _ in range(10))

    begun = time.monotonic()
    eventually(refused_by_all, "every replica refuses the token", 5)
    assert time.monotonic() - begun <= 6
    assert classify("xin chào", "principles", "vi", tokens["staff"]).status_code == 200
