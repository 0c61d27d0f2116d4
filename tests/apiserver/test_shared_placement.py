"""Models on one claim, served by one predictor: with real kubelets, which bring the list to its pods."""

import urllib.error
import urllib.request

import pytest

from .kubectl import Json, Namespace, eventually, model
from .operator_process import OperatorProcess

CLAIM = "common"
NAMES = ("principles-vi", "consent-vi", "retention-vi")


def claim() -> Json:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}},
    }


def on_the_claim(name: str, revision: str = "v1", placement: str = "shared") -> Json:
    source = {"uri": f"hf://owner/{name}", "revision": revision}
    serving = {"placement": placement, "progressDeadlineSeconds": 60}
    return model(name, source=source, storage={"claimName": CLAIM}, serving=serving)


def answers(namespace: Namespace, name: str) -> str:
    """Ask where status says which revision answers; empty when nobody does."""
    at = namespace.get("model", name).get("status", {}).get("inferenceService", {})
    url = at.get("url", "").removeprefix("http://")
    if not url:
        return ""
    address = namespace.get("service", url.split(".")[0])["spec"]["clusterIP"]
    path = "revision" if at["name"] == name else name
    try:
        with urllib.request.urlopen(f"http://{address}/{path}", timeout=5) as response:
            return str(response.read().decode().strip())
    except urllib.error.URLError:
        return ""


def shared_pods(namespace: Namespace) -> list[str]:
    pods = namespace.items("pods", "-l", "veriaidpo.verisyntra.vn/shared")
    return [pod["metadata"]["uid"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def test_several_models_are_served_by_one_predictor_through_all_that_happens_to_each(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(claim())
    for name in NAMES:
        namespace.apply(on_the_claim(name))
    for name in NAMES:
        namespace.serves(name)
        assert answers(namespace, name) == "v1"
    (service,) = namespace.items("inferenceservices")
    assert service["metadata"]["name"].startswith("shared-common-")
    pods = shared_pods(namespace)
    assert len(pods) == 1

    # Another revision, in the same pod, within seconds.
    namespace.apply(on_the_claim("consent-vi", "v2"))
    eventually("v2 answers", lambda: answers(namespace, "consent-vi") == "v2", 45)
    namespace.serves("consent-vi")

    # One that answers wrongly is rolled back, and says so.
    namespace.apply(on_the_claim("consent-vi", "wrong"))
    namespace.reaches("consent-vi", "GoldenSentenceFailed")
    assert namespace.condition("consent-vi", "Servable") == ("True", "Serving")
    status = namespace.get("model", "consent-vi")["status"]
    assert [q["reason"] for q in status["quarantined"]] == ["GoldenSentenceFailed"]
    assert answers(namespace, "consent-vi") == "v2"

    # One goes, and the others notice nothing.
    namespace.kubectl("delete", "model", "retention-vi", "--timeout=20s")

    def listed() -> set[str]:
        found = namespace.get("configmap", service["metadata"]["name"])
        return set(found.get("data", {}))

    eventually("it left the list", lambda: listed() == {"principles-vi", "consent-vi"})
    assert answers(namespace, "principles-vi") == "v1"
    assert namespace.condition("principles-vi") == ("True", "Serving")
    assert shared_pods(namespace) == pods
    assert "orbidden" not in operator.log.read_text()

    # With the last one goes what served them.
    for name in ("principles-vi", "consent-vi"):
        namespace.kubectl("delete", "model", name, "--timeout=20s")
    eventually("nothing is left of it", lambda: not namespace.items("inferenceservices"), 90)
    eventually("nor of the list", lambda: not listed(), 90)


@pytest.mark.slow
def test_a_model_moves_to_a_shared_predictor_and_back_and_answers_all_the_while(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(claim())
    namespace.apply(on_the_claim("principles-vi"))
    namespace.apply(on_the_claim("consent-vi", placement="own"))
    for name in ("principles-vi", "consent-vi"):
        namespace.serves(name)

    def arrived(place: str) -> bool:
        assert answers(namespace, "consent-vi") == "v1"
        services = {s["metadata"]["name"] for s in namespace.items("inferenceservices")}
        at = namespace.get("model", "consent-vi")["status"]["inferenceService"]["name"]
        return at.startswith(place) and ("consent-vi" in services) == (place == "consent-vi")

    namespace.apply(on_the_claim("consent-vi"))
    eventually("it has moved", lambda: arrived("shared-"), 120)
    namespace.apply(on_the_claim("consent-vi", placement="own"))
    eventually("it has moved back", lambda: arrived("consent-vi"), 120)
    namespace.serves("consent-vi")


@pytest.mark.slow
def test_what_somebody_changed_of_a_shared_predictor_is_repaired(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    namespace.apply(claim())
    namespace.apply(on_the_claim("principles-vi"))
    namespace.serves("principles-vi")
    (service,) = namespace.items("inferenceservices")
    name = service["metadata"]["name"]
    namespace.kubectl("patch", "configmap", name, "--type=merge", "-p", '{"data": {"stray": "x"}}')
    eventually("the list is as wanted", lambda: "stray" not in namespace.get("configmap", name)["data"], 45)
    namespace.comes_back("inferenceservice", name, 45)
    namespace.serves("principles-vi")
