"""KServe adds a predictor while one is busy, the other goes on answering, and the new one is asked too."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from .cluster import BASE, CATALOGUE, NAMESPACE, classify, eventually, get, ingress, kubectl, run, wait_ready
from .conftest import TENANTS, Installation, tenant_tokens
from .models import SAMPLE, apply_model, sample
from .parts import predictor, ready_pods
from .traffic import Question, Traffic

pytestmark = pytest.mark.slow

NAME, TYPE = "asked-a-lot-vi", "asked_a_lot"
SENTENCE = CATALOGUE["legal-basis-vi"]["goldenSentences"][0]["text"]
KSERVES_PERCENT = 80
AT_ONCE = 4
"""So many tenants ask a batch at once: more than four fifths of the 50m that a predictor requests."""

BATCH = 64
KNOWN = 250
"""So many sentences are asked beforehand, so that their answers are known."""


@pytest.fixture
def model(installation: Installation) -> Iterator[str]:
    """Apply a Model that may have two predictors, and remove it with its volume afterwards."""
    if "metrics.k8s.io/" not in kubectl("api-versions"):
        pytest.skip("nobody on this cluster tells an autoscaler how busy pods are")
    with apply_model(sample(NAME, serving={**SAMPLE["spec"]["serving"], "maxReplicas": 2})) as name:
        wait_ready(name)
        yield name


@pytest.fixture
def sentences() -> Iterator[str]:
    """Return sentences of which no two are the same: the cache answers none."""
    return (f"{SENTENCE} ({number})" for number in itertools.count())


def batch(texts: Sequence[str], token: str) -> httpx.Response:
    body = {"texts": texts, "model_type": TYPE, "language": "vi"}
    headers = {"Authorization": f"Bearer {token}"}
    return ingress(f"{BASE}/batch-classify", json=body, headers=headers)


def known(sentences: Iterator[str], token: str) -> list[Question]:
    """Ask for some sentences; return them with the categories they got."""
    texts = list(itertools.islice(sentences, KNOWN))
    answer = batch(texts, token)
    assert answer.status_code == 200, answer.text
    return [
        Question({"text": text, "model_type": TYPE, "language": "vi"}, result["category_id"])
        for text, result in zip(texts, answer.json()["results"], strict=True)
    ]


def asked_a_lot(sentences: Iterator[str], tokens: Sequence[str]) -> int:
    """Ask a batch of new sentences with each token at once; return how many were answered."""
    batches = [list(itertools.islice(sentences, BATCH)) for _ in tokens]
    with ThreadPoolExecutor(len(tokens)) as threads:
        answers = list(threads.map(batch, batches, tokens))
    return sum(answer.json()["total"] - answer.json()["failed"] for answer in answers if answer.is_success)


def autoscaler(model: str) -> dict[str, Any]:
    return get("horizontalpodautoscaler", f"{model}-predictor")


def requests_answered(pod: str) -> int:
    """Read of a predictor's metrics how many requests it answered."""
    text = run("kubectl", "get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:8080/proxy/metrics")
    counts = (line.split() for line in text.splitlines() if line.startswith("veriaidpo_requests_total{"))
    return sum(int(float(value)) for name, value in counts if 'code="200"' in name)


def test_kserve_adds_a_predictor_while_one_is_busy(
    model: str, sentences: Iterator[str], tokens: dict[str, str]
) -> None:
    spec = autoscaler(model)["spec"]
    target = {"type": "Utilization", "averageUtilization": KSERVES_PERCENT}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 2)
    assert [one["resource"] for one in spec["metrics"]] == [{"name": "cpu", "target": target}]
    kubectl("wait", "--for=condition=ScalingActive", f"hpa/{model}-predictor", "--timeout=110s")
    before = ready_pods(predictor(model))
    assert len(before) == 1, "nobody asks, and one is enough"

    def routed() -> bool:
        return classify(SENTENCE, TYPE, "vi", tokens["staff"]).status_code == 200

    eventually(routed, "the gateway routes to the new type", 30)
    questions, many, load = known(sentences, tokens["staff"]), tenant_tokens(AT_ONCE, "--sub", "many"), []

    def two() -> bool:
        load.append(asked_a_lot(sentences, many))
        return len(ready_pods(predictor(model))) == 2

    def shared() -> bool:
        load.append(asked_a_lot(sentences, many))
        newer = set(ready_pods(predictor(model))) - set(before)
        return any(requests_answered(pod) > 0 for pod in newer)

    with Traffic(questions, tenant_tokens(TENANTS)) as traffic:
        eventually(two, "two are ready while one is busy", 240)
        eventually(shared, "the new one is asked while connections to the other are in use", 90)
        traffic.more()
    assert sum(load) > 0, "it was the load that brought the second"
    # Two cores have less to spare for it than elsewhere: what is asked beside it takes most of them.
    assert traffic.failed(least_rate=5) == []
    assert set(before) < set(ready_pods(predictor(model))), "the one of before stays"
    assert autoscaler(model)["status"]["desiredReplicas"] == 2

    def told() -> bool:
        return bool(get("model", model)["status"]["inferenceService"]["readyReplicas"] == 2)

    eventually(told, "the Model's status says so", 30)
