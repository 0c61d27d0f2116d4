"""A model of PhoBERT-base's size gets another revision, and goes back by one line, while it is asked."""

import json

from ..e2e.cluster import condition, eventually, get, kubectl
from ..e2e.models import apply_model
from ..e2e.parts import predictor
from ..e2e.traffic import Question, Traffic
from . import large_model
from .models import ready
from .rows import Load

EVERY = 6
"""One question in so many is for the large model, which takes most of what two cores can do."""


def current() -> str:
    """Return the revision that answers."""
    return str(get("model", large_model.NAME)["status"].get("currentRevision", ""))


def patch(spec: dict[str, object]) -> None:
    """Change the Model as a person would."""
    kubectl("patch", "model", large_model.NAME, "--type=merge", "-p", json.dumps({"spec": spec}))


def answers_alone(revision: str, reason: str) -> bool:
    """Tell whether the Model is Ready for that reason, with that revision and no other."""
    told = condition(large_model.NAME, "Ready")
    return (told.get("status"), told.get("reason")) == ("True", reason) and current() == revision


def alone(name: str) -> None:
    """Wait until the former pod has gone: it answers on connections that are open until then."""
    eventually(lambda: len(get("pods", "-l", predictor(name))["items"]) == 1, "the former pod has gone", 60)


def test_a_large_model_rolls_forward_and_back(questions: list[Question], tenants: list[str]) -> None:
    asked = large_model.mixed(questions, every=EVERY, senders=len(tenants))
    with large_model.on_the_hub(), apply_model(large_model.resource()) as name:
        ready(name, 400)
        first = current()
        load = Load(Traffic(asked, tenants))
        with load:
            row = load.row(
                "rollout-135m",
                "a model of 135 M parameters gets another revision, and goes back by one line",
                "the new one is fetched and converted while the old one answers; no request fails",
            )
            row.struck()
            patch({"source": {**large_model.resource()["spec"]["source"], "revision": large_model.SECOND}})
            eventually(lambda: get("model", name)["status"].get("targetRevision") != first, "fetched", 400)
            row.saw(f"fetched and converted in {row.after()} s")
            second = str(get("model", name)["status"]["targetRevision"])
            eventually(lambda: answers_alone(second, "Serving"), "the second revision answers", 200)
            row.saw(f"Ready with it after {row.after()} s")
            alone(name)
            load.traffic.more(200)
            jobs = {job["metadata"]["uid"] for job in get("jobs")["items"]}
            row.mended()
            patch({"pinnedRevision": first[:12]})
            eventually(lambda: answers_alone(first, "Pinned"), "the first revision answers again", 200)
            row.healed()
            assert jobs >= {job["metadata"]["uid"] for job in get("jobs")["items"]}, "something was fetched"
            alone(name)
            back = load.traffic.now()
            load.traffic.more(200)
            large = [answer for answer in load.traffic.answers if answer.model_type == "large"]
            assert {answer.revision for answer in large} == {first, second}
            assert {answer.revision for answer in large if answer.at > back} == {first}
            row.saw(f"{load.traffic.rate:.0f} requests/s, {len(large)} of them for this model, none cached")
