"""The Job that fetches: what it is told, what it may read, and when it is another one."""

import json
from datetime import timedelta
from typing import Any

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.decisions.actions import Create
from veriaidpo_operator.objects import jobs, orders
from veriaidpo_operator.settings import Sources

from .built import PODS, container, env, job, told
from .rollouts import after_two_good_ones, go_on, with_a_bad_second
from .world import DIGEST, OTHER_DIGEST, SETTINGS, World


def test_the_fetch_is_told_what_the_model_says() -> None:
    golden = {"text": "Xin chào", "label": "a"}
    files = [{"path": "onnx/model.onnx", "sha256": "0" * 64}]
    wanted = {
        "source": {"revision": "v1", "files": files},
        "serving": {"goldenSentences": [golden]},
        "threshold": 0.6,
    }
    assert told(wanted) == {
        "name": "principles-vi",
        "modelType": "principles",
        "language": "vi",
        "task": "text-classification",
        "labels": [{"id": "a", "en": "A", "vi": "Á"}, {"id": "b", "en": "B", "vi": "B"}],
        "maxTokens": 256,
        "source": {"uri": "hf://owner/principles-vi", "revision": "v1", "files": files},
        "goldenSentences": [golden],
    }


def test_the_fetch_of_a_tagger_is_told_the_spans() -> None:
    golden = {"text": "Xin chào Lan", "spans": [{"start": 9, "end": 12, "label": "a"}]}
    nobody = {"text": "Xin chào", "spans": []}
    wanted = {"task": "token-classification", "serving": {"goldenSentences": [golden, nobody]}}
    assert told(wanted)["goldenSentences"] == [golden, nobody]


def test_it_is_told_by_a_file_of_its_own_that_never_changes_and_goes_with_the_model() -> None:
    world = World()
    order = orders.config_map(world.model, "x")
    assert (order["metadata"]["name"], order["immutable"]) == ("x", True)
    (owner,) = order["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Model", world.model.uid)
    pod = job()["spec"]["template"]["spec"]
    assert next(v for v in pod["volumes"] if v["name"] == "order")["configMap"] == {"name": "x"}
    mount = next(m for m in container(pod)["volumeMounts"] if m["name"] == "order")
    assert container(pod)["args"][:3] == ["fetch", "--spec", f"{mount['mountPath']}/spec.json"]
    assert mount["readOnly"] is True


def test_all_sentences_that_a_model_may_have_fit_into_a_config_map() -> None:
    sentences = ["\U0001f600" * 400] * 500  # the most the definition of Models takes, at four bytes each
    asked = {"quantization": "int8", "gateSentences": sentences}
    order = orders.config_map(World({"conversion": asked}).model, "x")
    assert 800_000 < len(order["data"]["spec.json"].encode()) < 1 << 20


def test_the_fetch_is_called_as_agreed() -> None:
    pod = job(hf_endpoint="http://hub:8090")["spec"]["template"]["spec"]
    assert container(pod)["args"] == [
        "fetch", "--spec", "/etc/veriaidpo/fetch/spec.json", "--root", "/mnt/models",
        "--progress-port", "8081", "--keep", "3",
    ]  # fmt: skip
    assert container(pod)["image"] == "fetch:1"
    assert env(pod)["HF_ENDPOINT"] == "http://hub:8090"
    assert "HF_ENDPOINT" not in env(PODS["fetch"])


def test_a_fetch_leaves_on_the_volume_what_serves_served_or_is_pinned() -> None:
    world = after_two_good_ones()
    world.change({"revisionHistoryLimit": 1, "pinnedRevision": DIGEST[:12]})
    command = jobs.fetch_command(world.model, read_only=False)
    assert command[7:] == ["--keep", "1", "--protect", DIGEST, "--protect", OTHER_DIGEST]


def test_a_fetch_drops_what_failed_its_golden_sentences_so_that_it_comes_with_those_of_today() -> None:
    world = with_a_bad_second("golden")
    go_on(world)
    assert jobs.fetch_command(world.model, read_only=False)[9:] == [
        "--protect",
        DIGEST,
        "--drop",
        OTHER_DIGEST,
    ]


def test_on_a_read_only_claim_nothing_is_written_and_what_is_there_is_looked_for() -> None:
    world = World({"storage": {"claimName": "library"}})
    job = jobs.fetch_job(world.model, SETTINGS, name="x", attempt=1, read_only=True)
    pod = job["spec"]["template"]["spec"]
    assert container(pod)["args"][-1] == "--read-only"
    assert not {"--keep", "--drop"} & set(container(pod)["args"])
    claim = {"claimName": "library", "readOnly": True}
    assert pod["volumes"][0] == {"name": "models", "persistentVolumeClaim": claim}
    assert container(pod)["volumeMounts"][0]["readOnly"] is True


@pytest.mark.parametrize(
    ("modes", "read_only"),
    [(["ReadOnlyMany"], True), (["ReadWriteMany"], False), (["ReadOnlyMany", "ReadWriteOnce"], False)],
)
def test_which_claims_are_read_only(modes: list[str], *, read_only: bool) -> None:
    world = World({"storage": {"claimName": "library"}})
    world.put(
        {"kind": "PersistentVolumeClaim", "metadata": {"name": "library"}, "spec": {"accessModes": modes}}
    )
    for _ in range(2):
        world.reconcile()
    (job,) = world.all("Job")
    assert ("--read-only" in container(job["spec"]["template"]["spec"])["args"]) == read_only
    assert world.decide().actions == ()


def test_fewer_revisions_are_kept_as_soon_as_that_is_wanted() -> None:
    third = "ef" * 32
    world = after_two_good_ones()
    world.publish("v3", third)
    world.settle()
    assert [r.digest for r in world.status.revisions] == [third, OTHER_DIGEST, DIGEST]
    fetched = world.all("Job")[0]["metadata"]["uid"]
    world.change({"revisionHistoryLimit": 1})
    created = [action for action in world.reconcile().actions if isinstance(action, Create)]
    (command,) = (container(a.object["spec"]["template"]["spec"])["args"] for a in created)
    assert command == [
        "gc", "/mnt/models/models/principles-vi", "--keep", "1",
        "--protect", OTHER_DIGEST, "--protect", third,
    ]  # fmt: skip
    assert world.decide().actions == ()
    world.settle()
    assert [r.digest for r in world.status.revisions] == [third, OTHER_DIGEST]
    assert [job["metadata"]["uid"] for job in world.all("Job")] == [fetched], "nothing was fetched for it"
    assert world.condition("Ready") == ("True", "Serving")


def test_revisions_that_could_not_be_taken_off_the_volume_are_tried_again_after_a_while() -> None:
    world = after_two_good_ones()
    world.publish("v3", "ef" * 32)
    world.settle()
    world.change({"revisionHistoryLimit": 1})
    world.reconcile()
    (failed,) = [job for job in world.all("Job") if "-collect-" in job["metadata"]["name"]]
    world.finish(failed, None, exit_code=1)
    world.settle()
    assert world.get("Job", failed["metadata"]["name"]) == failed, "it can be looked at meanwhile"
    assert len(world.status.revisions) == 3
    world.now += timedelta(minutes=10)
    world.settle()
    assert [r.digest for r in world.status.revisions] == ["ef" * 32, OTHER_DIGEST]


def test_what_is_kept_starts_no_fetch_over() -> None:
    world = World()
    before = jobs.fetch_template(world.model, SETTINGS)
    world.change({"revisionHistoryLimit": 1})
    assert jobs.fetch_template(world.model, SETTINGS) == before


def test_int8_is_asked_for_by_the_fetchs_own_names_and_none_as_before() -> None:
    assert not {"conversion", "gateSentences"} & told().keys()
    asked = {"quantization": "int8", "gateSentences": ["Một câu."], "gate": {"minAgreement": 0.995}}
    spec = told({"conversion": asked})
    assert spec["conversion"] == {
        "format": "onnx",
        "quantization": "int8",
        "gate": {"minAgreement": 0.995, "maxFlipMargin": 0.1},
    }
    assert spec["gateSentences"] == ["Một câu."]
    limits = job({"conversion": asked})["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"memory": "2560Mi"}


SENTENCE = {"text": "Công ty lưu dữ liệu.", "label": "a"}


def test_calibration_sentences_are_told_and_given_memory_for_without_a_conversion() -> None:
    assert "calibrationSentences" not in told()
    asked = {"calibrationSentences": [SENTENCE]}
    assert told({"conversion": asked})["calibrationSentences"] == [SENTENCE]
    assert "conversion" not in told({"conversion": asked})
    assert "calibrationSentences" not in told({"conversion": {"quantization": "int8"}})["conversion"]


@pytest.mark.parametrize(
    ("spec", "memory"),
    [
        ({"conversion": {"calibrationSentences": [SENTENCE]}}, "2560Mi"),
        ({"serving": {"goldenSentences": [SENTENCE] * 50}}, "2560Mi"),
        ({"serving": {"goldenSentences": [SENTENCE] * 49}}, "1Gi"),
    ],
)
def test_a_fetch_in_which_the_model_answers_has_memory_for_it(spec: Json, memory: str) -> None:
    limits = job(spec)["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"memory": memory}


def test_a_token_is_a_file_and_never_an_argument_or_a_variable() -> None:
    pod = job({"source": {"authSecret": {"name": "hub", "key": "t"}}})["spec"]["template"]["spec"]
    assert env(pod)["HUGGINGFACE_TOKEN_FILE"].startswith("/var/run/secrets/")
    volume = next(v for v in pod["volumes"] if v["name"] == "hub-token")
    assert volume["secret"] == {"secretName": "hub", "items": [{"key": "t", "path": "token"}]}
    assert "HUGGINGFACE_TOKEN" not in env(pod)


def test_the_operators_token_is_used_where_the_model_names_none() -> None:
    pod = job(hub_token_secret="ours")["spec"]["template"]["spec"]
    assert next(v for v in pod["volumes"] if v["name"] == "hub-token")["secret"]["secretName"] == "ours"
    own = job({"source": {"authSecret": {"name": "own"}}}, hub_token_secret="ours")["spec"]["template"][
        "spec"
    ]
    assert next(v for v in own["volumes"] if v["name"] == "hub-token")["secret"]["secretName"] == "own"


STORE = {"uri": "s3://bucket/models", "endpoint": "https://minio.example:9000", "pathStyle": True}


def fetch_pod(source: Json, **settings: Any) -> Json:
    found: Json = job({"source": source}, **settings)["spec"]["template"]["spec"]
    return found


def volume_of(pod: Json, path: str) -> Json:
    """Return the volume that is mounted there, which has to be read-only."""
    mount = next(m for m in container(pod)["volumeMounts"] if m["mountPath"] == path)
    assert mount["readOnly"] is True
    return dict(next(v for v in pod["volumes"] if v["name"] == mount["name"]))


@pytest.mark.parametrize(
    ("source", "items"),
    [
        ({"uri": "https://models.example/tiny/"}, {"token": "token"}),
        (STORE, {"access-key-id": "access-key-id", "secret-access-key": "secret-access-key"}),
        (
            {"uri": "gs://bucket"},
            {"access-key-id": "access-key-id", "secret-access-key": "secret-access-key"},
        ),
    ],
)
def test_a_sources_secrets_are_files_and_only_those_it_needs(source: Json, items: dict[str, str]) -> None:
    pod = fetch_pod({**source, "authSecret": {"name": "mine"}}, hub_token_secret="hub")
    secret = volume_of(pod, env(pod)["SOURCE_SECRET_DIR"])["secret"]
    assert secret["secretName"] == "mine"
    assert {item["key"]: item["path"] for item in secret["items"]} == items
    assert "hub" not in json.dumps([v for v in pod["volumes"] if v["name"] != "hub"])


def test_only_a_hubs_source_gets_the_hubs_token_and_address() -> None:
    settings = {"hub_token_secret": "hub-token", "hf_endpoint": "http://hub:8090"}
    for source in ({"uri": "https://models.example/tiny/"}, STORE, {"uri": "pvc://claim/models"}):
        assert (
            not {"HUGGINGFACE_TOKEN_FILE", "HF_ENDPOINT", "SOURCE_SECRET_DIR"}
            & env(fetch_pod(source, **settings)).keys()
        )


def test_a_store_is_described_to_the_fetch_and_its_secrets_are_not() -> None:
    source = {**STORE, "authSecret": {"name": "mine"}, "caBundle": {"name": "ca"}}
    assert told({"source": source})["source"] == {**STORE, "revision": "main", "files": []}


def test_a_ca_is_a_file_the_models_own_before_the_installations() -> None:
    sources = Sources(ca_configmap="ours")
    pod = fetch_pod(STORE, sources=sources)
    ca = volume_of(pod, env(pod)["SOURCE_CA_FILE"].rpartition("/")[0])["configMap"]
    assert (ca["name"], ca["items"]) == ("ours", [{"key": "ca.crt", "path": "ca.crt"}])
    own = fetch_pod({**STORE, "caBundle": {"name": "own", "key": "root.pem"}}, sources=sources)
    ca = volume_of(own, env(own)["SOURCE_CA_FILE"].rpartition("/")[0])["configMap"]
    assert (ca["name"], ca["items"]) == ("own", [{"key": "root.pem", "path": "ca.crt"}])


def test_what_may_be_asked_reaches_every_fetch_and_an_empty_list_is_one() -> None:
    sources = Sources(schemes="hf", hosts="", hosts_inside="minio.storage", https_proxy="http://proxy:3128")
    told = env(fetch_pod({"uri": "hf://owner/model"}, sources=sources))
    assert (told["SOURCE_SCHEMES"], told["SOURCE_HOSTS"]) == ("hf", "")
    assert (told["SOURCE_HOSTS_INSIDE"], told["HTTPS_PROXY"]) == ("minio.storage", "http://proxy:3128")


def test_a_claim_is_read_and_never_written_and_no_claim_is_mounted_twice() -> None:
    pod = fetch_pod({"uri": "pvc://shared/models/tiny"})
    claim = volume_of(pod, env(pod)["SOURCE_CLAIM_DIR"])["persistentVolumeClaim"]
    assert claim == {"claimName": "shared", "readOnly": True}
    own = fetch_pod({"uri": "pvc://principles-vi-model/incoming"})
    assert volume_of(own, env(own)["SOURCE_CLAIM_DIR"])["name"] == "models"
    assert sum("persistentVolumeClaim" in volume for volume in own["volumes"]) == 1


def test_a_failure_that_cannot_heal_by_itself_ends_the_job_at_once() -> None:
    rules = job()["spec"]["podFailurePolicy"]["rules"]
    codes = next(r["onExitCodes"]["values"] for r in rules if r["action"] == "FailJob")
    assert set(codes).isdisjoint({1, 13, 137})
    assert {11, 12, 14, 15, 16, 17, 18, 19} <= set(codes)


def test_the_jobs_name_is_short_enough_and_depends_on_what_is_fetched_and_where_to() -> None:
    model = World().model
    name = jobs.fetch_name(model, "claim-1")
    assert name == jobs.fetch_name(model, "claim-1")
    assert len("x" * 40 + name.removeprefix("principles-vi")) <= 63
    others = {
        jobs.fetch_name(model, "claim-2"),
        *(
            jobs.fetch_name(World(spec).model, "claim-1")
            for spec in (
                {"source": {"revision": "v2"}},
                {"maxTokens": 128},
                {"labels": [{"id": "b", "en": "B", "vi": "B"}, {"id": "a", "en": "A", "vi": "A"}]},
                {"serving": {"goldenSentences": [{"text": "x", "label": "a"}]}},
            )
        ),
    }
    assert len(others | {name}) == 6


@pytest.mark.parametrize("spec", [{"serving": {"minReplicas": 3}}, {"threshold": 0.5}, {"aliases": ["p"]}])
def test_what_the_bytes_do_not_depend_on_makes_no_other_job(spec: Json) -> None:
    assert jobs.fetch_name(World(spec).model, "claim") == jobs.fetch_name(World().model, "claim")
