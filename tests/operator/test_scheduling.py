"""Where the pods of Models run: as whoever installs says, and no Model."""

import json
from dataclasses import replace

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects import jobs, serving
from veriaidpo_operator.objects.sharing import shared_service
from veriaidpo_operator.scheduling import Scheduling
from veriaidpo_operator.settings import SettingsError, read

from .built import job, service
from .test_settings import NEEDED
from .world import DIGEST, SETTINGS, World

SAID: Json = {
    "nodeSelector": {"pool": "models"},
    "tolerations": [{"key": "models", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "serving",
    "spread": {"nodes": "DoNotSchedule", "zones": "ScheduleAnyway"},
}
WANTED = Scheduling.model_validate(SAID)


def predictor(of: str, scheduling: Scheduling) -> Json:
    if of == "own":
        return dict(service(scheduling=scheduling)["spec"]["predictor"])
    settings = replace(SETTINGS, scheduling=scheduling)
    return dict(shared_service("claim", "ns", [World().model], settings)["spec"]["predictor"])


@pytest.mark.parametrize("of", ["own", "shared"])
def test_predictors_run_where_it_is_said(of: str) -> None:
    pod = predictor(of, WANTED)
    for field in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert pod[field] == SAID[field]


def test_fetches_run_there_too_and_push_nobody_aside() -> None:
    world, settings = World(), replace(SETTINGS, scheduling=WANTED)
    for body in (job(scheduling=WANTED), jobs.collect_job(world.model, settings, name="x")):
        pod = body["spec"]["template"]["spec"]
        assert (pod["nodeSelector"], pod["tolerations"]) == (SAID["nodeSelector"], SAID["tolerations"])
        assert pod["affinity"] == SAID["affinity"]
        assert not {"priorityClassName", "topologySpreadConstraints"} & pod.keys()


@pytest.mark.parametrize("of", ["own", "shared"])
def test_predictors_of_a_model_keep_apart_without_a_word(of: str) -> None:
    body = predictor(of, Scheduling())
    constraints = {one["topologyKey"]: one for one in body["topologySpreadConstraints"]}
    assert set(constraints) == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert {one["whenUnsatisfiable"] for one in constraints.values()} == {"ScheduleAnyway"}
    (own,) = {json.dumps(one["labelSelector"]["matchLabels"]) for one in constraints.values()}
    # As KServe labels the pods of each InferenceService, so that neighbours do not count.
    assert list(json.loads(own)) == ["serving.kserve.io/inferenceservice"]


def test_one_may_have_to_wait_for_a_node_of_its_own() -> None:
    constraints = predictor("own", WANTED)["topologySpreadConstraints"]
    assert [one["whenUnsatisfiable"] for one in constraints] == ["DoNotSchedule", "ScheduleAnyway"]


def test_more_of_them_are_no_other_trial() -> None:
    alone, several = World(), World({"serving": {"minReplicas": 2}})
    trials = {
        serving.trial(w.model, serving.own_service(w.model, SETTINGS, revision=DIGEST, claim="c"), None)
        for w in (alone, several)
    }
    assert len(trials) == 1


def test_another_place_reaches_predictors_that_are_there_and_so_does_its_end() -> None:
    world = World()
    world.settle()
    for scheduling in (WANTED, Scheduling()):
        world.settings = replace(SETTINGS, scheduling=scheduling)
        assert [str(a) for a in world.decide().actions] == ["apply InferenceService principles-vi"]
        world.settle()
        assert world.condition("Ready") == ("True", "Serving")


def test_a_model_that_asks_for_another_place_is_not_heard() -> None:
    wished = {"serving": SAID, "download": SAID, **SAID}
    for built, field in ((service, ("spec", "predictor")), (job, ("spec", "template", "spec"))):
        asked, usual = built(wished), built()
        for name in field:
            asked, usual = asked[name], usual[name]
        assert {name: asked.get(name) for name in SAID} == {name: usual.get(name) for name in SAID}


def test_it_comes_as_json_and_a_wrong_one_is_named() -> None:
    assert read({**NEEDED, "SCHEDULING": json.dumps(SAID)}).scheduling == WANTED
    assert read(NEEDED).scheduling == Scheduling()
    for wrong in ("pool=models", '{"nodeSelectors": {}}', '{"spread": {"nodes": "Never"}}'):
        with pytest.raises(SettingsError, match="SCHEDULING"):
            read({**NEEDED, "SCHEDULING": wrong})
