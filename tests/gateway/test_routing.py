"""Which model a request means, and what is said about one that does not answer."""

from typing import Any

import pytest

from veriaidpo_gateway.errors import ErrorCode, GatewayError
from veriaidpo_gateway.models.routes import Routes, model_from


@pytest.fixture
def routes_of(model_resource: Any) -> Any:
    return lambda *resources: Routes(model_from(resource) for resource in resources)


def test_by_type_and_language(routes_of: Any, model_resource: Any) -> None:
    routes = routes_of(model_resource(), model_resource("principles-en", language="en"))
    assert routes.find("principles", "vi").name == "principles-vi"
    assert routes.find("principles", "en").name == "principles-en"


def test_by_alias_in_every_language(routes_of: Any, model_resource: Any) -> None:
    routes = routes_of(
        model_resource("consent-vi", model_type="consent", aliases=("consent_type",)),
        model_resource("consent-en", model_type="consent", language="en", aliases=("consent_type",)),
    )
    assert routes.find("consent_type", "vi").name == "consent-vi"
    assert routes.find("consent_type", "en").name == "consent-en"


def test_an_alias_never_hides_a_type(routes_of: Any, model_resource: Any) -> None:
    routes = routes_of(
        model_resource("a-vi", model_type="a", aliases=("b",)), model_resource("b-vi", model_type="b")
    )
    assert routes.find("b", "vi").name == "b-vi"
    assert routes.types == ("a", "b")


def test_a_model_in_mid_rollout_keeps_being_routed_to(routes_of: Any, model_resource: Any) -> None:
    resource = model_resource()
    resource["status"]["conditions"][1]["status"] = "False"
    model = routes_of(resource).find("principles", "vi")
    assert model.state == "updating"
    assert model.infer_url == "http://principles-vi.models:8080/v2/models/principles-vi/infer"


def not_found(routes: Any) -> Any:
    with pytest.raises(GatewayError) as caught:
        routes.find("principles", "vi")
    return caught.value


def test_a_download_says_how_far_it_is(routes_of: Any, model_resource: Any) -> None:
    download = {
        "bytesTotal": 1000,
        "bytesDone": 450,
        "percent": 45,
        "bytesPerSecond": 50,
        "remainingSeconds": 11,
    }
    error = not_found(routes_of(model_resource(servable=False, status={"download": download})))
    assert error.code is ErrorCode.MODEL_DOWNLOADING
    assert error.headers["Retry-After"] == "11"
    assert error.details["state"] == "downloading"
    assert error.details["progress"] == {
        "bytes_total": 1000,
        "bytes_done": 450,
        "percent": 45,
        "bytes_per_second": 50,
        "remaining_seconds": 11,
    }


@pytest.mark.parametrize(
    ("seconds", "retry"), [(0, "1"), (0.4, "1"), (9_999, "300"), (None, "10"), ("soon", "10")]
)
def test_retry_after_is_a_sensible_number_of_seconds(
    routes_of: Any, model_resource: Any, seconds: Any, retry: Any
) -> None:
    download = {"bytesDone": 1, "remainingSeconds": seconds}
    error = not_found(routes_of(model_resource(servable=False, status={"download": download})))
    assert error.headers["Retry-After"] == retry


def test_a_failed_model_says_why(routes_of: Any, model_resource: Any) -> None:
    conditions = [
        {"type": "Ready", "status": "False", "reason": "ChecksumMismatch", "message": "…"},
        {"type": "Degraded", "status": "True", "reason": "ChecksumMismatch"},
    ]
    error = not_found(routes_of(model_resource(servable=False, status={"conditions": conditions})))
    assert error.code is ErrorCode.MODEL_NOT_READY
    assert (error.details["state"], error.details["reason"]) == ("failed", "ChecksumMismatch")


@pytest.mark.parametrize(
    ("spec", "status", "state"),
    [
        ({}, {"conditions": []}, "pending"),
        ({"suspend": True}, {"conditions": []}, "suspended"),
        ({}, {"conditions": [{"type": "Servable", "status": "True"}], "inferenceService": {}}, "pending"),
    ],
)
def test_other_states(routes_of: Any, model_resource: Any, spec: Any, status: Any, state: Any) -> None:
    error = not_found(routes_of(model_resource(spec=spec, status=status)))
    assert error.details["state"] == state


def test_a_resource_the_operator_has_not_touched_is_pending(model_resource: Any) -> None:
    resource = model_resource()
    del resource["status"]
    assert model_from(resource).state == "pending"


@pytest.mark.parametrize("missing", ["modelType", "language"])
def test_a_resource_without_what_matters_is_none(model_resource: Any, missing: Any) -> None:
    resource = model_resource()
    del resource["spec"][missing]
    with pytest.raises(ValueError, match="usable"):
        model_from(resource)


async def test_a_downloading_model_is_a_503_with_its_progress(
    run_gateway: Any, model_resource: Any, bearer: Any
) -> None:
    download = {"bytesTotal": 1000, "bytesDone": 450, "percent": 45, "remainingSeconds": 11}
    resources = [model_resource(servable=False, status={"download": download})]
    async with run_gateway(resources=resources) as gateway:
        answer = await gateway.classify("a", bearer())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "11"
    assert answer.json()["detail"]["progress"]["percent"] == 45


async def test_before_the_first_list_everything_but_health_is_a_503(run_gateway: Any, bearer: Any) -> None:
    async with run_gateway() as gateway:
        gateway.source.resources = None
        answer = await gateway.classify("a", bearer())
        health = await gateway.public.get("/health")
        ready = await gateway.inner.get("/readyz")
    assert (answer.status_code, answer.json()["detail"]["code"]) == (503, "not_started")
    assert answer.headers["Retry-After"]
    assert (health.status_code, health.json()["status"]) == (200, "unhealthy")
    assert ready.status_code == 503
