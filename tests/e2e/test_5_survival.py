"""Parts are killed and changed under load: the line heals, and nobody is lied to."""

import json

from .cluster import CATALOGUE, CHART, classify, eventually, get, helm, kubectl
from .parts import GATEWAY, OPERATOR, REDIS, kill, predictor, ready_pods, replaced
from .traffic import Answer, Traffic

PREDICTOR = predictor("principles-vi")


def test_a_predictor_and_the_operator_are_killed(traffic: Traffic, tokens: dict[str, str]) -> None:
    golden = CATALOGUE["principles-vi"]["goldenSentences"][0]["text"]
    with traffic:
        killed, operator = kill(PREDICTOR), kill(OPERATOR)
        replaced(PREDICTOR, killed)
        replaced(OPERATOR, operator)
        eventually(
            lambda: classify(f"{golden} !", "principles", "vi", tokens["staff"]).status_code == 200,
            "the line heals",
            60,
        )
        healed = traffic.now()
        traffic.more()

    def without_replicas(answer: Answer) -> bool:
        return answer.model_type == "principles" and answer.at < healed

    assert traffic.failed(honest=without_replicas) == []
    for name in CATALOGUE:
        kubectl("wait", "--for=condition=Ready", f"model/{name}", "--timeout=60s")


def test_a_gateway_goes(traffic: Traffic) -> None:
    with traffic:
        name = ready_pods(GATEWAY)[0]
        kubectl("delete", "pod", name, "--wait=true")
        replaced(GATEWAY, name, 2)
        traffic.more()
    assert traffic.failed() == []


def test_redis_is_killed(traffic: Traffic) -> None:
    with traffic:
        replaced(REDIS, kill(REDIS))
        traffic.more()
    assert traffic.failed() == []


def test_an_upgrade_changes_a_value_and_is_rolled_back(traffic: Traffic) -> None:
    def logs_at(level: str) -> bool:
        (container,) = get("deployment", "veriaidpo-gateway")["spec"]["template"]["spec"]["containers"]
        return {"name": "LOG_LEVEL", "value": level} in container["env"]

    revision = str(json.loads(helm("status", "veriaidpo", "-o", "json"))["version"])
    with traffic:
        helm(
            "upgrade", "veriaidpo", str(CHART), "--reuse-values", "--set", "gateway.logLevel=DEBUG", "--wait"
        )
        assert logs_at("DEBUG")
        traffic.more()
        helm("rollback", "veriaidpo", revision, "--wait")
        assert logs_at("INFO")
        traffic.more()
    assert traffic.failed() == []
