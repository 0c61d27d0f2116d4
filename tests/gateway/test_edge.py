"""Request ids, headers nobody may send, the one shape of errors, and the log line."""

import json
import logging
from typing import Any

import httpx
import pytest

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.mark.parametrize("mine", ["abcdefgh", "A" * 64, "0b7c7f2e-3a58-4f0e-9d3b-6a4f1c2d8e90"])
async def test_a_sensible_request_id_is_kept_and_passed_on(gateway: Any, bearer: Any, mine: Any) -> None:
    answer = await gateway.classify("a", {**bearer(), "X-Request-Id": mine})
    assert answer.headers["X-Request-Id"] == mine
    assert gateway.predictor.asked[0].headers["X-Request-Id"] == mine


@pytest.mark.parametrize(
    "theirs", ["short", "A" * 65, "with space1", "tab\tinside", "ünïcödé-id", "\x1b[31mred-red", "a_b_c_d_e"]
)
async def test_any_other_request_id_is_replaced(gateway: Any, theirs: Any) -> None:
    answer = await gateway.public.get("/health", headers=[(b"X-Request-Id", theirs.encode("latin-1"))])
    assert answer.headers["X-Request-Id"] != theirs
    assert len(answer.headers["X-Request-Id"]) == 36


async def test_an_error_carries_the_request_id_of_its_header(gateway: Any) -> None:
    answer = await gateway.public.post("/classify", headers={"X-Request-Id": "my-request-1"})
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"] == "my-request-1"


@pytest.mark.parametrize("name", ["Authorization", "Host", "Content-Type", "X-Request-Id", "Content-Length"])
async def test_a_header_that_counts_may_come_once(gateway: Any, bearer: Any, name: Any) -> None:
    twice = [(name, "application/json"), (name, "text/plain")]
    answer = await gateway.public.post("/classify", headers=twice, content=b"")
    assert answer.status_code == 400
    assert answer.json()["detail"]["code"] == "bad_headers"


async def test_two_good_tokens_are_refused_as_well(gateway: Any, bearer: Any) -> None:
    token = bearer()["Authorization"]
    headers = [("Authorization", token), ("Authorization", token), ("Content-Type", "application/json")]
    answer = await gateway.public.post("/classify", headers=headers, content=b'{"text": "a"}')
    assert answer.status_code == 400


@pytest.mark.parametrize("headers", [{f"X-A{i}": "1" for i in range(70)}, {"X-A": "x" * 17_000}])
async def test_too_many_or_too_long_headers_are_refused(gateway: Any, headers: Any) -> None:
    assert (await gateway.public.get("/health", headers=headers)).status_code == 400


@pytest.mark.parametrize(
    "name", ["X-Tenant-ID", "X_Tenant_ID", "X-User-Role", "X-Forwarded-User", "X-HTTP-Method-Override"]
)
async def test_who_somebody_is_comes_from_the_token_alone(gateway: Any, bearer: Any, name: Any) -> None:
    await gateway.classify("a", bearer())
    answer = await gateway.classify("a", {**bearer("viewer"), name: "admin"})
    assert answer.status_code == 403
    other = await gateway.classify("a", {**bearer(tenant_id="t2"), name: "t1"})
    assert other.json()["cached"] is False


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/classify", 405, "method_not_allowed"),
        ("TRACE", "/health", 405, "method_not_allowed"),
        ("POST", "/classify/", 404, "not_found"),
        ("POST", "//classify", 404, "not_found"),
        ("GET", "/%2e%2e/health", 404, "not_found"),
        ("GET", "/metrics", 404, "not_found"),
        ("GET", "/livez", 404, "not_found"),
        ("GET", "/readyz", 404, "not_found"),
    ],
)
async def test_other_addresses_and_methods_have_the_same_shape_of_error(
    gateway: Any, method: Any, path: Any, status: Any, code: Any
) -> None:
    answer = await gateway.public.request(method, path)
    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"detail", "request_id"}
    assert body["detail"]["code"] == code
    assert body["detail"]["error"]
    assert body["detail"]["error_vi"]


async def test_a_mistake_of_ours_is_a_500_that_tells_nothing(
    run_gateway: Any, bearer: Any, caplog: Any
) -> None:
    async with run_gateway() as gateway:

        def broken(_: httpx.Request) -> httpx.Response:
            raise RuntimeError("secret sentence of a customer")

        gateway.predictor.answer = broken
        answer = await gateway.classify("a", bearer())
    assert answer.status_code == 500
    assert answer.json()["detail"]["code"] == "internal"
    assert "secret sentence" not in answer.text


async def test_one_line_per_request_without_anything_personal(gateway: Any, bearer: Any, caplog: Any) -> None:
    with caplog.at_level(logging.INFO, logger="veriaidpo_gateway"):
        await gateway.classify(
            "Nguyễn Văn A mua hàng của Shopee", bearer(sub="an@example.vn", tenant_id="cty-x")
        )
    (line,) = [record.fields for record in caplog.records if record.name == "veriaidpo_gateway.http.edge"]
    assert line["status"] == 200
    assert line["route"] == "classify"
    assert line["model"] == "principles-vi"
    assert line["cached"] is False
    assert line["request_id"]
    for word in ("Nguyễn", "Shopee", "an@example.vn", "cty-x", "eyJ"):
        assert word not in json.dumps(line, ensure_ascii=False)


async def test_every_answer_forbids_sniffing_and_keeping(gateway: Any) -> None:
    for path in ("/health", "/nothing"):
        answer = await gateway.public.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/classify", "POST"),
        ("/companies", "GET, POST"),
        ("/api/v1/companies/x", "DELETE, GET, PUT"),
        ("/companies.csv", "GET, POST"),
    ],
)
async def test_a_405_names_every_method_there_is(gateway: Any, path: Any, methods: Any) -> None:
    answer = await gateway.public.patch(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, methods)


@pytest.mark.parametrize(
    ("version", "host", "status"), [("1.1", "x", 200), ("1.1", None, 400), ("0.9", "x", 400)]
)
async def test_a_request_has_a_version_and_a_host(gateway: Any, version: Any, host: Any, status: Any) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [] if host is None else [(b"host", host.encode())]
    scope = {
        "type": "http", "method": "GET", "path": "/health", "raw_path": b"/health", "query_string": b"",
        "headers": headers, "http_version": version, "root_path": "", "scheme": "http",
    }  # fmt: skip
    await gateway.public._transport.app(scope, receive, send)
    assert sent[0]["status"] == status
