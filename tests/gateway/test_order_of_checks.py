"""Token, right and limit are settled before anybody looks at the body."""

from typing import Any

import pytest

BAD_BODIES = [b"", b"{", b"[]", b'{"text": 1}', b'{"text": "a", "text": "b"}', b"\xff\xfe", b"x" * 70_000]
JSON, LINES = {"Content-Type": "application/json"}, {"Content-Type": "application/x-ndjson"}
ROUTES = [
    ("/classify", JSON),
    ("/batch-classify", JSON),
    ("/batch-classify", LINES),
    ("/classify-all", JSON),
    ("/normalize", JSON),
    ("/preload-model", JSON),
]


@pytest.mark.parametrize("body", BAD_BODIES)
@pytest.mark.parametrize(("path", "kind"), ROUTES)
async def test_without_a_token_a_bad_body_is_a_401(gateway: Any, path: Any, kind: Any, body: Any) -> None:
    answer = await gateway.public.post(path, content=body, headers=kind)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("body", BAD_BODIES)
@pytest.mark.parametrize(("path", "kind"), ROUTES)
async def test_a_viewers_bad_body_is_a_403(
    gateway: Any, bearer: Any, path: Any, kind: Any, body: Any
) -> None:
    answer = await gateway.public.post(path, content=body, headers={**kind, **bearer("viewer")})
    assert answer.status_code == 403


@pytest.mark.parametrize("body", BAD_BODIES)
@pytest.mark.parametrize(("path", "kind"), ROUTES)
async def test_past_the_limit_a_bad_body_is_a_429(
    run_gateway: Any, bearer: Any, path: Any, kind: Any, body: Any
) -> None:
    async with run_gateway(per_user=1) as gateway:
        await gateway.classify("a", bearer("admin"))
        answer = await gateway.public.post(path, content=body, headers={**kind, **bearer("admin")})
    assert answer.status_code == 429


async def test_the_body_is_judged_before_the_model(gateway: Any, bearer: Any) -> None:
    answer = await gateway.classify("", bearer(), model_type="nonsense")
    assert answer.status_code == 422


async def test_a_refused_caller_costs_no_inference_and_no_place_in_the_limit(
    run_gateway: Any, bearer: Any
) -> None:
    async with run_gateway(per_user=1) as gateway:
        for _ in range(3):
            assert (await gateway.classify("a", bearer("viewer"))).status_code == 403
        assert (await gateway.classify("a", bearer())).status_code == 200
    assert len(gateway.predictor.asked) == 1
