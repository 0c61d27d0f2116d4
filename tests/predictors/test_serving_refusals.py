"""What is not answered: wrong inputs, callers without the gateway's token, and what kserve leaves open."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECRET = "Nguyễn Văn Bí Mật 079123456789"  # what a caller wrote; it must turn up nowhere
BAD_INPUT = {"error": "The input is not what this model takes: see the model's metadata."}
INFER, PREDICT = "/v2/models/tiny-en/infer", "/v1/models/tiny-en:predict"


@pytest.fixture(scope="module")
def process(
    serve: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
    publish_to: Callable[..., Path],
    gateway: Any,
) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("volume")
    (folder / "trust.pem").write_bytes(gateway.public_pem())
    process = serve(
        publish_to(folder),
        publish_to(folder, name="other-en"),
        environment={"SERVICE_TRUST_FILE": str(folder / "trust.pem")},
    )
    process.until_ready()
    yield process
    assert "079123456789" not in process.log.read_text()
    assert process.process.poll() is None


@pytest.fixture(scope="module")
def client(process: Any, gateway: Any) -> Iterator[httpx.Client]:
    with process.client(headers={"Authorization": f"Bearer {gateway.token()}"}) as client:
        yield client


def v2(**changes: Any) -> dict[str, Any]:
    given = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [SECRET]} | changes
    return {"inputs": [given]}


def test_the_control_is_answered(client: httpx.Client) -> None:
    assert client.post(INFER, json=v2()).status_code == 200
    assert client.post(PREDICT, json={"instances": [SECRET]}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        v2(name=SECRET),
        v2(shape=[2]),
        v2(shape=[1, 2]),
        v2(shape=[-1]),
        v2(datatype="FP32"),
        v2(datatype="FP16"),
        v2(data=[{"a": SECRET}]),
        v2(data=[[SECRET]]),
        v2(data=[7]),
        v2(data=[None]),
        v2(data=[" \n "]),
        v2(data=[SECRET * 1000]),
        v2(data=SECRET),
        v2(shape=[0], data=[]),
        v2(shape=[257], data=["a"] * 257),
        v2(parameters={"binary_data_size": 10}, data=[]),
        {"inputs": []},
        {"inputs": v2()["inputs"] * 2},
        {"inputs": SECRET},
        {"id": 7} | v2(),
        {},
        [],
        SECRET,
        None,
    ],
)
def test_a_wrong_v2_body_is_a_400_with_one_fixed_sentence(client: httpx.Client, body: object) -> None:
    response = client.post(INFER, json=body)
    assert (response.status_code, response.json()) == (400, BAD_INPUT)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        SECRET.encode(),
        b'{"instances": ["\xff\xfe"]}',
        b'{"instances": ["a"]',
        json.dumps({"instances": [SECRET]}).encode("utf-16"),
        b'{"instances": ["\\ud800"]}',
        b"[" * 100_000,
        b'{"instances": [' + b"9" * 10_000 + b"]}",
        json.dumps({"instances": SECRET}).encode(),
        json.dumps({"instances": [SECRET], "more": SECRET}).encode(),
        json.dumps({"specversion": "1.0", "type": "t", "source": "s", "id": "1", "data": SECRET}).encode(),
    ],
)
@pytest.mark.parametrize("path", [INFER, PREDICT])
def test_bytes_that_are_no_request_are_a_400(client: httpx.Client, path: str, body: bytes) -> None:
    response = client.post(path, content=body)
    assert (response.status_code, response.json()) == (400, BAD_INPUT)


@pytest.mark.parametrize(
    "headers",
    [
        {"ce-specversion": "1.0", "ce-type": "t", "ce-source": "s", "ce-id": "1"},
        {"content-type": "application/cloudevents+json"},
        {"content-type": "text/plain"},
        {"inference-header-content-length": "x"},
        {"inference-header-content-length": "10"},
    ],
)
def test_no_header_opens_another_way_into_kserve(client: httpx.Client, headers: dict[str, str]) -> None:
    for path, body in ((INFER, v2()), (PREDICT, {"instances": [SECRET]})):
        response = client.post(path, content=json.dumps(body).encode(), headers=headers)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("deadline", ["-1", "soon", "1e3", "", "9" * 30, "²"])
def test_a_deadline_that_is_no_number_is_a_400(client: httpx.Client, deadline: str) -> None:
    response = client.post(INFER, json=v2(), headers={b"X-Deadline-Ms": deadline.encode("latin-1")})
    assert (response.status_code, response.json()) == (400, BAD_INPUT)


def test_a_body_above_the_limit_is_a_413_before_it_is_read(client: httpx.Client) -> None:
    big = b'{"instances": ["' + b"a" * (5 << 20) + b'"]}'
    assert client.post(PREDICT, content=big).status_code == 413
    pieces = (big[i : i + 65_536] for i in range(0, len(big), 65_536))
    assert client.post(PREDICT, content=pieces).status_code == 413


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    json_values | st.fixed_dictionaries({"instances": st.lists(st.text(min_size=1), min_size=1, max_size=3)})
)
def test_whatever_is_sent_the_answer_is_200_or_400(client: httpx.Client, body: object) -> None:
    for path in (PREDICT, INFER):
        response = client.post(path, content=json.dumps(body).encode())
        assert response.status_code in {200, 400}
        assert response.status_code == 200 or response.json() == BAD_INPUT


@pytest.mark.parametrize(
    "path",
    [
        "/v2/repository/models/tiny-en/unload",
        "/v2/repository/models/tiny-en/load",
        "/v2/models/tiny-en/versions/1/infer",
        "/v1/models/tiny-en:explain",
        "/openai/v1/chat/completions",
        "/docs",
        "/openapi.json",
        "/v2/models/tiny-en/infer/",
        "/v2/models/%2e%2e/infer",
    ],
)
def test_the_rest_of_kserve_is_closed(client: httpx.Client, path: str) -> None:
    for method in ("GET", "POST"):
        response = client.request(method, path)
        assert (response.status_code, response.json()) == (404, {"error": "There is nothing at this path."})
    assert client.get("/v2/models/tiny-en/ready").status_code == 200


def test_another_method_is_a_405(client: httpx.Client) -> None:
    assert client.get(INFER).status_code == 405
    assert client.put(INFER, json=v2()).status_code == 405


OPEN = [
    "/",
    "/metrics",
    "/v2/health/live",
    "/v2/health/ready",
    "/v1/models/tiny-en",
    "/v2/models/tiny-en/ready",
]


def test_probes_and_metrics_need_no_token(process: Any) -> None:
    with process.client() as nobody:
        assert {path: nobody.get(path).status_code for path in OPEN} == dict.fromkeys(OPEN, 200)


def attempts(gateway: Any) -> dict[str, dict[str, str]]:
    now = int(time.time())
    other = type(gateway)()

    def bearer(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    return {
        "no token": {},
        "no token at all": bearer("."),
        "no scheme": {"Authorization": gateway.token()},
        "basic": {"Authorization": f"Basic {gateway.token()}"},
        "another's key": bearer(other.token()),
        "for another model": bearer(gateway.token("other-en")),
        "another issuer": bearer(gateway.token(iss="somebody")),
        "expired": bearer(gateway.token(iat=now - 100, exp=now - 40)),
        "issued in the future": bearer(gateway.token(iat=now + 60, exp=now + 120)),
        "without exp": bearer(gateway.token(exp=None)),
        "without aud": bearer(gateway.token(aud=None)),
        "without iat": bearer(gateway.token(iat=None)),
        "huge": bearer("a" * 8_000),
    }


@pytest.mark.parametrize("attempt", list(attempts(type("", (), {"token": lambda *_, **__: ""})())))
def test_every_other_path_is_a_401_without_the_gateways_token(
    process: Any, gateway: Any, attempt: str
) -> None:
    with process.client(headers=attempts(gateway)[attempt]) as caller:
        for method, path in [("POST", INFER), ("POST", PREDICT), ("GET", "/v2/models/tiny-en")]:
            response = caller.request(method, path, json={} if method == "POST" else None)
            assert response.status_code == 401, (attempt, path)
            assert response.headers["www-authenticate"] == "Bearer"
            assert response.json() == {"error": "A valid service token for this model is required."}


def test_two_authorization_headers_are_a_401(process: Any, gateway: Any) -> None:
    twice = [("Authorization", f"Bearer {gateway.token()}")] * 2
    with process.client() as caller:
        assert caller.post(INFER, json=v2(), headers=twice).status_code == 401


def test_a_token_for_any_served_model_opens_the_list(process: Any, gateway: Any) -> None:
    with process.client() as caller:
        assert caller.get("/v2/models").status_code == 401
        found = caller.get("/v2/models", headers={"Authorization": f"Bearer {gateway.token('other-en')}"})
    assert sorted(found.json()["models"]) == ["other-en", "tiny-en"]


def test_a_model_that_is_not_here_is_a_404_for_who_may_ask_for_it(process: Any, gateway: Any) -> None:
    with process.client() as caller:
        headers = {"Authorization": f"Bearer {gateway.token('absent-en')}"}
        response = caller.post("/v2/models/absent-en/infer", json=v2(), headers=headers)
    assert (response.status_code, response.json()) == (
        404,
        {"error": "This predictor does not have that model."},
    )
