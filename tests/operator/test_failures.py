"""Each failure of a fetch has a reason, a sentence with what to do, a retry, and a way out."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.decisions.fetching import look
from veriaidpo_operator.decisions.plan import plan

from .world import DIGEST, START, World, fetching


@pytest.mark.parametrize(
    ("reason", "exit_code", "what_to_do"),
    [
        ("SourceUnauthorized", 11, "spec.source.authSecret"),
        ("SourceNotFound", 12, "spec.source.uri"),
        ("SourceUnreachable", 13, "source's address"),
        ("EmptySource", 14, "nothing that can be served"),
        ("ChecksumMismatch", 15, "spec.source.files"),
        ("LabelsMismatch", 16, "spec.labels"),
        ("OutOfSpace", 17, "principles-vi-model"),
        ("UnsupportedFormat", 18, "onnx/model.onnx"),
        ("SourceRefused", 19, "sources.hosts names"),
        ("VolumeReadOnly", 20, "kubectl describe pvc"),
        ("SourceBusy", 21, "asked again when it said"),
        ("Internal", 1, "kubectl logs job/"),
    ],
)
@pytest.mark.parametrize("said", [True, False])
def test_what_the_fetch_ended_with_is_the_reason(
    reason: str, exit_code: int, what_to_do: str, said: bool
) -> None:
    world = fetching()
    job = world.all("Job")[0]
    world.finish(job, {"reason": reason, "message": "It was so"} if said else None, exit_code)
    world.reconcile()
    for kind in ("Downloaded", "Ready", "Servable"):
        assert world.condition(kind) == ("False", reason)
    assert world.condition("Degraded") == ("True", reason)
    assert what_to_do in world.message()
    failure = world.status.last_failure
    assert failure is not None
    assert (failure.reason, failure.fetch) == (reason, job["metadata"]["name"])


@pytest.mark.parametrize("reason", ["ChecksumMismatch", "LabelsMismatch", "UnsupportedFormat"])
def test_bytes_that_were_refused_are_not_verified(reason: str) -> None:
    world = fetching()
    world.fail(reason)
    world.reconcile()
    assert world.condition("Verified") == ("False", reason)


def test_an_unknown_word_of_the_fetch_counts_as_internal() -> None:
    world = fetching()
    world.fail("Serving", 77)
    world.reconcile()
    assert world.condition("Ready") == ("False", "Internal")


def retry_times(world: World, reason: str, count: int) -> list[float]:
    """Let the fetch fail so often and return the pauses before each next Job, in seconds."""
    pauses = []
    for _ in range(count):
        world.fail(reason)
        failed = world.now
        world.reconcile()
        name = world.all("Job")[0]["metadata"]["uid"]
        while not any(j["metadata"]["uid"] != name for j in world.all("Job")):
            world.now += timedelta(seconds=1)
            world.reconcile()
            world._collect()
        pauses.append((world.now - failed).total_seconds())
    return pauses


def test_a_failed_fetch_is_tried_again_with_growing_pauses_up_to_ten_minutes() -> None:
    world = fetching()
    pauses = retry_times(world, "SourceUnreachable", 8)
    for pause, expected in zip(pauses, [15, 30, 60, 120, 240, 480, 600, 600], strict=True):
        assert expected <= pause <= expected + 3
    world.reconcile()
    assert world.status.download is not None
    assert world.status.download.attempt == 9


@pytest.mark.parametrize(("asked", "waits"), [(1800, 1800), (5, 15), (1e300, 86_400)])
def test_a_source_that_asks_to_be_left_alone_is(asked: float, waits: float) -> None:
    world = fetching()
    said = {"reason": "SourceBusy", "message": "Not now", "retryAfter": asked}
    world.finish(world.all("Job")[0], said, 21)
    world.reconcile()
    failed = look(world.model, world.observe(), world.settings, world.now)
    assert failed.failed_at is not None
    due = failed.retry_at(world.settings)
    assert due is not None
    assert (due - failed.failed_at).total_seconds() == waits


@pytest.mark.parametrize(
    "reason", ["LabelsMismatch", "SourceRefused", "UnsupportedFormat", "ChecksumMismatch"]
)
def test_what_time_does_not_heal_is_tried_again_seldom(reason: str) -> None:
    (pause,) = retry_times(fetching(), reason, 1)
    assert 600 <= pause <= 603


def test_a_failure_that_comes_again_is_shown_all_the_time_and_one_event_tells_it() -> None:
    world = fetching()
    seen = set()
    for _ in range(2):
        world.fail("SourceNotFound")
        for _ in range(20):
            world.now += timedelta(seconds=1)
            world.reconcile()
            world._collect()
            seen.add(world.condition("Ready"))
        for pod in world.all("Pod"):
            del world.objects["Pod", pod["metadata"]["name"]]
    assert seen == {("False", "SourceNotFound")}


def test_a_changed_spec_is_fetched_at_once_even_after_a_failure_that_is_tried_again_seldom() -> None:
    world = fetching()
    world.fail("LabelsMismatch")
    world.reconcile()
    world.change({"labels": [{"id": "x", "en": "X", "vi": "X"}, {"id": "y", "en": "Y", "vi": "Y"}]})
    world.settle(8)
    assert world.condition("Ready") == ("True", "Serving")
    assert world.now - START < timedelta(seconds=15)


@pytest.mark.parametrize(
    "mended",
    [
        {"source": {"authSecret": {"name": "hub"}}},
        {"download": {"resources": {"limits": {"memory": "2Gi"}}}},
        {"download": {"activeDeadlineSeconds": 7200}},
    ],
)
def test_what_somebody_mended_is_tried_at_once(mended: Json) -> None:
    world = fetching()
    world.fail("SourceUnauthorized", 11)
    world.reconcile()
    world.change(mended)
    world.settle(8)
    assert world.condition("Ready") == ("True", "Serving")


def test_a_spec_that_comes_back_to_what_was_fetched_serves_at_once() -> None:
    world = World()
    world.settle()
    world.change({"source": {"revision": "nowhere"}})
    while not world.all("Job") or world.all("Job")[0].get("status"):
        world.reconcile()
        world._collect()
    world.fail("SourceNotFound")
    world.reconcile()
    world.change({"source": {"revision": "main"}})
    world.reconcile()
    assert world.condition("Ready") == ("True", "Serving")
    assert world.status.progress == "100%"


def test_a_fetch_that_took_too_long_says_so() -> None:
    world = fetching({"download": {"activeDeadlineSeconds": 60}})
    job = world.all("Job")[0]
    condition = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
    job["status"] = {"conditions": [condition | {"lastTransitionTime": world._stamp()}]}
    world.reconcile()
    assert world.condition("Ready") == ("False", "DeadlineExceeded")
    assert "(60 s)" in world.message()


def test_a_result_that_went_with_its_pod_is_fetched_again() -> None:
    world = fetching()
    job = world.all("Job")[0]
    world.finish(job, {"reason": "Published", "digest": DIGEST})
    for pod in world.all("Pod"):
        del world.objects["Pod", pod["metadata"]["name"]]
    assert [str(a).split()[:2] for a in world.reconcile().actions] == [["delete", "Job"]]
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")


def test_an_object_the_api_server_refuses_is_told_of() -> None:
    world = World()
    world.reconcile()
    seen = replace(world.observe(), refused={"PersistentVolumeClaim": "size is not a quantity"})
    ready = plan(world.model, seen, world.settings, world.now).status.condition("Ready")
    assert ready is not None
    assert ready.reason == "Refused"
    assert "size is not a quantity" in ready.message


def test_a_failure_is_remembered_after_it_healed() -> None:
    world = fetching()
    world.fail("SourceUnreachable", 13)
    world.reconcile()
    world.now += timedelta(seconds=16)
    world.settle()
    assert world.condition("Ready") == ("True", "Serving")
    assert world.status.last_failure is not None
    assert world.status.last_failure.reason == "SourceUnreachable"


def test_the_status_is_what_json_can_hold() -> None:
    world = fetching()
    world.fail("SourceUnreachable", 13)
    world.reconcile()
    assert json.loads(json.dumps(world.status.to_json())) == world.status.to_json()
