"""Health for everybody, the state of models for those who may see it, the inner port for the machines."""

from typing import Any

import pytest

from veriaidpo_gateway.redis.store import connect
from veriaidpo_gateway.settings import RedisSettings


@pytest.mark.parametrize("base", ["", "/api/v1", "/api/v1/veriaidpo"])
async def test_health_is_open_and_names_its_parts(gateway: Any, base: Any) -> None:
    answer = await gateway.public.get(base + "/health")
    assert answer.status_code == 200
    health = answer.json()
    assert health["status"] == "healthy"
    assert health["service"].startswith("VeriAIDPO")
    assert health["version"]
    assert {"company_registry", "text_normalizer", "model_types", "cache", "token_keys"} <= set(
        health["components"]
    )
    assert health["components"]["model_types"]["available"] == ["principles"]
    assert health["components"]["model_types"]["servable"] == ["principles"]
    assert health["components"]["company_registry"]["companies"] >= 150


async def test_one_model_that_does_not_answer_degrades(run_gateway: Any, model_resource: Any) -> None:
    resources = [model_resource(), model_resource("consent-vi", model_type="consent", servable=False)]
    async with run_gateway(resources=resources) as gateway:
        health = (await gateway.public.get("/health")).json()
    assert health["status"] == "degraded"
    assert health["components"]["model_types"]["available"] == ["consent", "principles"]
    assert health["components"]["model_types"]["servable"] == ["principles"]


@pytest.mark.parametrize(("revision", "away"), [("", 0), ("ab" * 32, 1)])
async def test_a_model_that_was_suspended_is_missed_only_where_it_had_answered(
    run_gateway: Any, model_resource: Any, revision: Any, away: Any
) -> None:
    never = model_resource(
        "consent-vi", model_type="consent", servable=False, revision=revision, spec={"suspend": True}
    )
    async with run_gateway(resources=[model_resource(), never]) as gateway:
        health = (await gateway.public.get("/health")).json()
        metrics = (await gateway.inner.get("/metrics")).text
    assert health["status"] == ("degraded" if away else "healthy")
    assert f"veriaidpo_gateway_models_away {away}.0" in metrics
    assert "veriaidpo_gateway_models_known 2.0" in metrics


async def test_no_model_that_answers_is_unhealthy_and_still_a_200(
    run_gateway: Any, model_resource: Any
) -> None:
    async with run_gateway(resources=[model_resource(servable=False)]) as gateway:
        answer = await gateway.public.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "unhealthy")


async def test_a_dead_redis_degrades_and_does_not_take_the_gateway_out(
    run_gateway: Any, unused_tcp_port: Any
) -> None:
    async with run_gateway(store=connect(RedisSettings(f"redis://127.0.0.1:{unused_tcp_port}"))) as gateway:
        health = (await gateway.public.get("/health")).json()
        ready = await gateway.inner.get("/readyz")
    assert health["components"]["cache"] == {"status": "degraded", "kind": "redis"}
    assert ready.status_code == 200


async def test_a_lost_watch_degrades_and_keeps_answering(gateway: Any, bearer: Any) -> None:
    gateway.source.connected = False
    assert (await gateway.public.get("/health")).json()["status"] == "degraded"
    assert (await gateway.classify("a", bearer())).status_code == 200


async def test_model_status_tells_what_became_of_a_model(
    run_gateway: Any, model_resource: Any, bearer: Any
) -> None:
    failure = {"reason": "SourceUnreachable", "message": "no route", "time": "2026-11-22T08:00:00Z"}
    download = {"bytesTotal": 10, "bytesDone": 4, "percent": 40}
    resources = [
        model_resource(servable=False, revision="", status={"download": download, "lastFailure": failure})
    ]
    async with run_gateway(resources=resources) as gateway:
        answer = (await gateway.public.get("/model-status", headers=bearer("auditor"))).json()
    assert (answer["total"], answer["servable"]) == (1, 0)
    (model,) = answer["models"]
    assert model["name"] == "principles-vi"
    assert model["state"] == "downloading"
    assert model["progress"] == {"bytes_total": 10, "bytes_done": 4, "percent": 40}
    assert model["last_failure"] == failure
    assert model["model_revision"] is None
    assert model["labels"][0] == {"id": "l0", "en": "Label 0", "vi": "Nhãn 0"}


async def test_model_status_knows_how_fast_a_model_answered_here(gateway: Any, bearer: Any) -> None:
    await gateway.classify("a", bearer())
    (model,) = (await gateway.public.get("/model-status", headers=bearer("dpo"))).json()["models"]
    assert model["latency_ms"] > 0
    assert model["replicas"] == 1
    assert model["last_error"] is None


async def test_the_inner_port_has_probes_and_metrics(gateway: Any, bearer: Any) -> None:
    await gateway.classify("a", bearer())
    await gateway.classify("a", bearer())
    await gateway.classify("a", bearer("viewer"))
    assert (await gateway.inner.get("/livez")).status_code == 200
    assert (await gateway.inner.get("/readyz")).status_code == 200
    metrics = (await gateway.inner.get("/metrics")).text
    assert 'veriaidpo_gateway_requests_total{route="classify",status="200"} 2.0' in metrics
    assert 'veriaidpo_gateway_errors_total{code="permission_denied"} 1.0' in metrics
    assert 'veriaidpo_gateway_classifications_total{cached="true",model="principles-vi"} 1.0' in metrics
    assert "veriaidpo_gateway_models_servable 1.0" in metrics
    assert "t1" not in metrics.replace("t1.0", "")


async def test_metrics_do_not_grow_with_what_strangers_ask_for(gateway: Any) -> None:
    for path in ("/a", "/b", "/c?token=eyJ"):
        await gateway.public.get(path)
    metrics = (await gateway.inner.get("/metrics")).text
    assert 'route="unmatched",status="404"} 3.0' in metrics
    assert "/a" not in metrics
