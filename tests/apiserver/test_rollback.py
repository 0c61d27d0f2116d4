"""Rollouts that fail, on a real cluster: what answered before goes on answering, and the status says why."""

import time
from typing import Any

import pytest

from .kubectl import Json, Namespace, at, eventually
from .operator_process import OperatorProcess
from .test_operator import answer


def after_a_good_first(namespace: Namespace, revision: str, **spec: Any) -> str:
    """Serve v1, then want another revision; return the digest of v1."""
    namespace.apply(at("v1", **spec))
    first = str(namespace.serves("principles-vi")["currentRevision"])
    namespace.apply(at(revision, **spec))
    return first


def quarantined(namespace: Namespace, reason: str) -> Json:
    """Wait for a quarantined revision with that reason, v1 answering all the while; return the status."""

    def found() -> Json | None:
        assert answer(namespace) == "v1"
        status: Json = namespace.get("model", "principles-vi")["status"]
        return status if [q["reason"] for q in status.get("quarantined", [])] == [reason] else None

    return dict(eventually(reason, found, 90))


def test_a_revision_that_answers_a_golden_sentence_wrongly_is_rolled_back_within_seconds(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    first = after_a_good_first(namespace, "wrong")
    status = quarantined(namespace, "GoldenSentenceFailed")
    assert "Golden sentence 2 got a, not b." in status["quarantined"][0]["message"]
    assert status["currentRevision"] == status["targetRevision"] == first
    assert namespace.condition("principles-vi") == ("False", "GoldenSentenceFailed")
    assert namespace.condition("principles-vi", "Degraded") == ("True", "GoldenSentenceFailed")
    assert namespace.condition("principles-vi", "Servable") == ("True", "Serving")
    selector = "serving.kserve.io/inferenceservice=principles-vi"
    eventually("the bad pod goes", lambda: len(namespace.items("pods", "-l", selector)) == 1, 90)
    told = {e["reason"] for e in namespace.items("events", "--field-selector=involvedObject.kind=Model")}
    assert {"RevisionQuarantined", "RolledBack", "GoldenSentenceFailed"} <= told
    namespace.apply(at("v2"))
    namespace.serves("principles-vi")
    eventually("v2 answers", lambda: answer(namespace) == "v2")  # the old pod does so until it has gone


@pytest.mark.slow
@pytest.mark.parametrize(("revision", "reason"), [("ends", "Crashing"), ("mute", "RolloutStalled")])
def test_a_revision_that_does_not_come_up_is_rolled_back(
    operator: OperatorProcess, namespace: Namespace, revision: str, reason: str
) -> None:
    after_a_good_first(namespace, revision, serving={"progressDeadlineSeconds": 40})
    quarantined(namespace, reason)


def test_bytes_that_changed_on_the_volume_are_fetched_anew(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    after_a_good_first(namespace, "rots")
    namespace.reaches("principles-vi", "RevisionDamaged", "Verified")
    began = time.time()
    assert namespace.condition("principles-vi", "Servable") == ("True", "Serving")
    status = namespace.serves("principles-vi", 120)
    eventually("it answers", lambda: answer(namespace) == "rots")
    assert (status["repairs"], status.get("quarantined", [])) == (1, [])
    # The pods that saw it are gone, and their counters with them: the operator still says when.
    told = 'veriaidpo_operator_damaged_at_seconds{model="principles-vi"}'
    assert abs(operator.metric(told) - began) < 30
    operator.stop()
    operator.start()
    eventually("also one that was started since", lambda: operator.health() and operator.metric(told))


def test_one_line_goes_back_and_one_line_forward_without_a_fetch(
    operator: OperatorProcess, namespace: Namespace
) -> None:
    first = after_a_good_first(namespace, "v2")
    namespace.serves("principles-vi")
    (job,) = namespace.items("jobs")
    patch = f'{{"spec": {{"pinnedRevision": "{first[:12]}"}}}}'
    namespace.kubectl("patch", "model", "principles-vi", "--type=merge", "-p", patch)
    namespace.reaches("principles-vi", "Pinned")
    eventually("v1 answers", lambda: answer(namespace) == "v1")
    away = '{"spec": {"pinnedRevision": null}}'
    namespace.kubectl("patch", "model", "principles-vi", "--type=merge", "-p", away)
    namespace.reaches("principles-vi", "Serving")
    eventually("v2 answers", lambda: answer(namespace) == "v2")
    assert [j["metadata"]["uid"] for j in namespace.items("jobs")] == [job["metadata"]["uid"]]
