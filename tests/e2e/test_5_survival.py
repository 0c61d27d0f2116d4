"""A predictor is killed and the operator with it, under load: the line heals, and nobody is lied to."""

from collections import Counter
from typing import Any

from .cluster import DEMO_MODELS, classify, eventually, get, kubectl
from .conftest import Installation
from .traffic import Traffic


def questions(catalogue: dict[str, dict[str, Any]], token: str) -> list[tuple[dict[str, Any], int]]:
    """Return bodies and the category each gets while nothing is broken: that is what is right later on."""
    found = []
    for name in DEMO_MODELS:
        model = catalogue[name]
        for golden in model["goldenSentences"]:
            for suffix in ("", " (1)", " (2)", " (3)"):
                text = golden["text"] + suffix
                answer = classify(text, model["modelType"], model["language"], token)
                assert answer.status_code == 200, answer.text
                body = {"text": text, "model_type": model["modelType"], "language": model["language"]}
                found.append((body, answer.json()["category_id"]))
    return found


def tenant_tokens(count: int) -> list[str]:
    command = ("exec", "deploy/veriaidpo-gateway", "--", "veriaidpo-gateway", "token", "--role", "staff")
    return [kubectl(*command, "--tenant", f"tenant-{i}").strip() for i in range(count)]


def ready_pod(selector: str) -> str | None:
    for pod in get("pods", "-l", selector)["items"]:
        conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
        if conditions.get("Ready") == "True" and not pod["metadata"].get("deletionTimestamp"):
            name: str = pod["metadata"]["name"]
            return name
    return None


def test_predictor_and_operator_are_killed_under_load(
    installation: Installation, tokens: dict[str, str], catalogue: Any
) -> None:
    victim = "serving.kserve.io/inferenceservice=principles-vi"
    operator = "app.kubernetes.io/component=operator"
    killed = ready_pod(victim)
    assert killed
    golden = catalogue["principles-vi"]["goldenSentences"][0]["text"]

    asked = questions(catalogue, tokens["staff"])
    with Traffic(asked, tenant_tokens(8)) as traffic:
        eventually(lambda: len(traffic.answers) > 100, "traffic flows", 30)
        old_operator = ready_pod(operator)
        assert old_operator
        kubectl("delete", "pod", killed, "--grace-period=0", "--force")
        kubectl("delete", "pod", old_operator, "--grace-period=0", "--force")
        eventually(lambda: ready_pod(victim) not in {None, killed}, "a new predictor is ready", 90)
        eventually(lambda: ready_pod(operator) not in {None, old_operator}, "a new operator is ready", 90)
        eventually(
            lambda: classify(f"{golden} !", "principles", "vi", tokens["staff"]).status_code == 200,
            "the line heals",
            60,
        )
        healed = len(traffic.answers)
        eventually(lambda: len(traffic.answers) > max(500, healed + 100), "500 questions were sent", 90)

    answers = traffic.answers
    codes = Counter(answer.status for _, answer in answers)
    duration = max(answer.at for _, answer in answers)
    assert len(answers) >= 500
    assert len(answers) / duration >= 20, f"only {len(answers) / duration:.0f} requests a second"
    wrong = [answer for expected, answer in answers if answer.status == 200 and answer.category != expected]
    assert wrong == []
    dishonest = [answer for _, answer in answers if answer.status != 200 and answer.detail != "honest"]
    assert dishonest == [], codes
    assert {answer.status for _, answer in answers[healed + 10 :]} == {200}, codes
    for name in DEMO_MODELS:
        kubectl("wait", "--for=condition=Ready", f"model/{name}", "--timeout=60s")
