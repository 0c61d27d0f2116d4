"""The InferenceService that serves a Model: its pods, its door, its replicas and its image."""

import json
from dataclasses import replace

import pytest

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects import jobs, orders, serving
from veriaidpo_operator.recorded import Status

from .built import PODS, container, env, service
from .world import DIGEST, SETTINGS, World


def test_it_serves_one_revision_from_the_plain_claim_read_only() -> None:
    body = service()
    predictor = body["spec"]["predictor"]
    path = f"/mnt/models/models/principles-vi/revisions/{DIGEST}"
    assert container(predictor)["args"] == ["serve", path, "--port", "8080"]
    assert container(predictor)["name"] == "kserve-container"
    mounts = {m["name"]: m for m in container(predictor)["volumeMounts"]}
    assert mounts["models"] == {"name": "models", "mountPath": "/mnt/models", "readOnly": True}
    assert "storageUri" not in json.dumps(body)


def test_it_has_no_door_to_the_outside_and_trusts_the_gateways_key() -> None:
    body = service()
    assert body["metadata"]["labels"]["networking.kserve.io/visibility"] == "cluster-local"
    predictor = body["spec"]["predictor"]
    trust = next(v for v in predictor["volumes"] if v["name"] == "trust")
    assert trust["configMap"]["name"] == "veriaidpo-service-trust"
    assert env(predictor)["SERVICE_TRUST_FILE"] == "/etc/veriaidpo/trust/tls.crt"


def test_it_never_has_fewer_pods_while_it_rolls() -> None:
    strategy = service()["spec"]["predictor"]["deploymentStrategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def test_it_is_ready_when_the_model_is_and_alive_when_the_process_is() -> None:
    probes = container(service()["spec"]["predictor"])
    assert probes["readinessProbe"]["httpGet"]["path"] == "/v2/models/principles-vi/ready"
    assert probes["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    startup = probes["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 300


@pytest.mark.parametrize(
    ("serving", "replicas", "autoscaler"),
    [
        ({}, (1, 1), "none"),
        ({"minReplicas": 2}, (2, 2), "none"),
        ({"minReplicas": 2, "maxReplicas": 2}, (2, 2), "none"),
        ({"minReplicas": 1, "maxReplicas": 4}, (1, 4), "hpa"),
        ({"minReplicas": 1, "maxReplicas": 4, "autoscaler": "external"}, (1, 4), "external"),
        ({"autoscaler": "external"}, (1, 1), "external"),
    ],
)
def test_it_is_scaled_only_when_asked(serving: Json, replicas: tuple[int, int], autoscaler: str) -> None:
    body = service({"serving": serving})
    predictor = body["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == replicas
    assert body["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == autoscaler


@pytest.mark.parametrize(
    ("wanted", "memory"),
    [
        ({}, ("256Mi", "2Gi")),
        ({"limits": {"memory": "4Gi"}}, ("256Mi", "4Gi")),
        ({"limits": {"memory": "128Mi"}}, ("128Mi", "128Mi")),
        ({"requests": {"memory": "3Gi"}}, ("3Gi", "3Gi")),
        ({"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}, ("1Gi", "1Gi")),
    ],
)
def test_wanted_resources_go_over_the_defaults_and_never_contradict(
    wanted: Json, memory: tuple[str, str]
) -> None:
    resources = container(service({"serving": {"resources": wanted}})["spec"]["predictor"])["resources"]
    assert (resources["requests"]["memory"], resources["limits"]["memory"]) == memory


def test_predictors_are_told_of_the_collector_where_there_is_one() -> None:
    assert not [name for name in env(service()["spec"]["predictor"]) if name.startswith("OTEL")]
    traced = env(service(traces_endpoint="http://c:4318", traces_ratio="0.1")["spec"]["predictor"])
    assert traced["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://c:4318"
    assert traced["OTEL_TRACES_SAMPLER_ARG"] == "0.1"


class TestRuntimeTorch:
    SPEC: Json = {"serving": {"runtime": "torch"}}  # noqa: RUF012

    def test_the_fetch_is_told_and_its_job_is_another_one(self) -> None:
        assert orders.fetch_spec(World(self.SPEC).model)["runtime"] == "torch"
        assert "runtime" not in orders.fetch_spec(World().model)
        names = {jobs.fetch_name(World(spec).model, "uid") for spec in (None, self.SPEC)}
        assert len(names) == 2

    def test_it_is_served_by_the_image_that_has_torch(self) -> None:
        pod = service(self.SPEC, torch_predictor_image="torch:1")["spec"]["predictor"]
        assert container(pod)["image"] == "torch:1"
        assert container(PODS["serve"])["image"] == "predictor:1"

    def test_without_such_an_image_the_usual_one_has_to_say_that_it_cannot(self) -> None:
        assert container(service(self.SPEC)["spec"]["predictor"])["image"] == "predictor:1"

    @pytest.mark.parametrize(("published", "wished"), [("onnx-int8", "torch"), ("torch-fp32", "onnx")])
    def test_until_the_other_revision_is_there_this_one_keeps_its_image(
        self, published: str, wished: str
    ) -> None:
        model = World({"serving": {"runtime": wished}}).model
        known = Status.model_validate({"revisions": [{"digest": DIGEST, "format": published}]})
        settings = replace(SETTINGS, torch_predictor_image="torch:1")
        image = serving.image(replace(model, status=known), settings, DIGEST)
        assert image == ("torch:1" if published == "torch-fp32" else "predictor:1")
