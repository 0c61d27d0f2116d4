"""The description is true: every answer fits the schema it has there."""

import json
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """Where the description is kept once it was made: half a second's work, and the same each time."""
    return {}


@pytest.fixture
async def document(gateway: Any, described: dict[str, Any]) -> Any:
    if not described:
        described.update((await gateway.public.get("/openapi.json")).json())
    return described


def schema_of(document: Any, path: Any, method: Any, status: Any) -> Any:
    response = document["paths"][path][method]["responses"][str(status)]
    return {**response["content"]["application/json"]["schema"], "components": document["components"]}


def check(document: Any, path: Any, method: Any, answer: Any) -> None:
    Draft202012Validator(schema_of(document, path, method, answer.status_code)).validate(answer.json())


def test_it_is_openapi_31_with_every_route_once(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    assert [server["url"] for server in document["servers"]] == ["/api/v1/veriaidpo", "/api/v1", "/"]
    assert set(document["paths"]) == {
        "/batch-classify",
        "/classify",
        "/classify-all",
        "/classify-legal-basis",
        "/classify-breach-severity",
        "/classify-cross-border",
        "/companies",
        "/companies.csv",
        "/companies/{company_id}",
        "/health",
        "/model-status",
        "/normalize",
        "/preload-model",
        "/records",
        "/revocations",
        "/tenants/{tenant_id}/data",
    }


def test_every_route_but_health_asks_for_a_token(document: Any) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert ("security" in operation) == (path != "/health")


def test_every_example_fits_its_schema(document: Any) -> None:
    checked = 0
    for methods in document["paths"].values():
        for operation in methods.values():
            contents = [response.get("content", {}) for response in operation["responses"].values()]
            contents.append(operation.get("requestBody", {}).get("content", {}))
            for content in contents:
                described = content.get("application/json", {})
                if "example" in described:
                    schema = {**described["schema"], "components": document["components"]}
                    Draft202012Validator(schema).validate(described["example"])
                    checked += 1
    assert checked > 30


def test_no_422_of_the_frameworks_own_is_described(document: Any) -> None:
    assert "HTTPValidationError" not in json.dumps(document)


async def test_a_classification_fits(gateway: Any, bearer: Any, document: Any) -> None:
    for metadata in (True, False):
        answer = await gateway.classify("Shopee VN thu thập email", bearer(), include_metadata=metadata)
        assert answer.status_code == 200
        check(document, "/classify", "post", answer)


async def test_batches_with_good_and_bad_items_fit(gateway: Any, bearer: Any, document: Any) -> None:
    body = {"items": [{"id": 1, "text": "a"}, {"id": "b", "text": ""}, {"text": "a", "model_type": "no"}]}
    for metadata in (True, False):
        sent = {**body, "include_metadata": metadata}
        answer = await gateway.public.post("/batch-classify", json=sent, headers=bearer())
        assert answer.json()["failed"] == 2
        check(document, "/batch-classify", "post", answer)


async def test_every_classifiers_answer_fits(
    run_gateway: Any, model_resource: Any, bearer: Any, document: Any
) -> None:
    resources = [model_resource(), model_resource("consent-vi", model_type="consent", servable=False)]
    async with run_gateway(resources=resources) as gateway:
        answer = await gateway.public.post("/classify-all", json={"text": "a"}, headers=bearer())
    assert (answer.json()["total"], answer.json()["failed"]) == (2, 1)
    check(document, "/classify-all", "post", answer)


@pytest.mark.parametrize(
    ("status", "role", "body"),
    [
        (202, "admin", {"model_type": "principles"}),
        (400, "admin", {"model_type": "nonsense"}),
        (403, "dpo", {}),
        (422, "admin", {}),
        (503, "admin", {"model_type": "consent"}),
    ],
)
async def test_a_warm_up_fits(
    run_gateway: Any, model_resource: Any, bearer: Any, document: Any, status: Any, role: Any, body: Any
) -> None:
    resources = [model_resource(), model_resource("consent-vi", model_type="consent", servable=False)]
    async with run_gateway(resources=resources) as gateway:
        answer = await gateway.public.post("/preload-model", json=body, headers=bearer(role))
    assert answer.status_code == status
    check(document, "/preload-model", "post", answer)


@pytest.mark.parametrize(
    ("status", "role", "body"),
    [
        (200, "dpo", {"text": "Ông An ở quận 1", "normalize_persons": True, "normalize_locations": True}),
        (403, "staff", {}),
        (413, "dpo", {"text": "a" * 4001}),
        (422, "dpo", {}),
    ],
)
async def test_a_normalisation_fits(
    gateway: Any, bearer: Any, document: Any, status: Any, role: Any, body: Any
) -> None:
    answer = await gateway.public.post("/normalize", json=body, headers=bearer(role))
    assert answer.status_code == status
    check(document, "/normalize", "post", answer)


@pytest.mark.parametrize("path", ["/batch-classify", "/classify-all"])
@pytest.mark.parametrize(
    ("status", "role", "body"),
    [
        (401, None, {}),
        (403, "viewer", {}),
        (413, "staff", {"text": "a" * 5_000_000}),
        (422, "staff", {}),
    ],
)
async def test_the_errors_of_whole_batches_fit(
    gateway: Any, bearer: Any, document: Any, path: Any, status: Any, role: Any, body: Any
) -> None:
    answer = await gateway.public.post(path, json=body, headers=bearer(role) if role else {})
    assert answer.status_code == status
    check(document, path, "post", answer)


@pytest.mark.parametrize(
    ("status", "role", "body"),
    [
        (400, "staff", {"text": "a", "model_type": "nonsense"}),
        (400, "staff", {"text": "a", "language": "fr"}),
        (401, None, {"text": "a"}),
        (403, "viewer", {"text": "a"}),
        (413, "staff", {"text": "a" * 4001}),
        (413, "staff", {"text": "a" * 70_000}),
        (422, "staff", {"text": ""}),
        (422, "staff", {"unknown": 1}),
        (503, "staff", {"text": "a", "model_type": "consent"}),
    ],
)
async def test_every_error_fits(
    run_gateway: Any, model_resource: Any, bearer: Any, document: Any, status: Any, role: Any, body: Any
) -> None:
    resources = [model_resource(), model_resource("consent-vi", model_type="consent", servable=False)]
    async with run_gateway(resources=resources) as gateway:
        headers = bearer(role) if role else {}
        answer = await gateway.public.post("/classify", json=body, headers=headers)
    assert answer.status_code == status
    check(document, "/classify", "post", answer)


async def test_429_and_504_fit(run_gateway: Any, bearer: Any, document: Any) -> None:
    async with run_gateway(per_user=1) as gateway:
        gateway.predictor.answer = lambda _: httpx.Response(504)
        late = await gateway.classify("a", bearer())
        refused = await gateway.classify("a", bearer())
    assert (late.status_code, refused.status_code) == (504, 429)
    check(document, "/classify", "post", late)
    check(document, "/classify", "post", refused)


async def test_health_and_status_fit(gateway: Any, bearer: Any, document: Any) -> None:
    check(document, "/health", "get", await gateway.public.get("/health"))
    check(document, "/model-status", "get", await gateway.public.get("/model-status", headers=bearer("dpo")))


@pytest.mark.parametrize(
    ("status", "role", "body"),
    [
        (200, "admin", {"jti": "j"}),
        (401, None, {"jti": "j"}),
        (403, "dpo", {"jti": "j"}),
        (413, "admin", {"jti": "j" * 70_000}),
        (422, "admin", {}),
    ],
)
async def test_a_revocation_fits(
    gateway: Any, bearer: Any, document: Any, status: Any, role: Any, body: Any
) -> None:
    answer = await gateway.public.post("/revocations", json=body, headers=bearer(role) if role else {})
    assert answer.status_code == status
    check(document, "/revocations", "post", answer)


async def test_what_is_said_about_companies_fits(gateway: Any, bearer: Any, document: Any) -> None:
    async def ask(method: str, path: str, role: str = "admin", **sent: Any) -> Any:
        headers = {**bearer(role), **sent.pop("headers", {})}
        answer = await gateway.public.request(method, path, headers=headers, **sent)
        where = "/companies/{company_id}" if path.startswith("/companies/") else path
        check(document, where, method.lower(), answer)
        return answer

    away = [await ask("GET", "/companies"), await ask("POST", "/companies", json={"name": "Rồng"})]
    assert [answer.status_code for answer in away] == [503, 503]
    await gateway.refresh()
    added = await ask("POST", "/companies", json={"name": "Rồng Xanh"})
    path = added.headers["Location"]
    csv, any_version = {"Content-Type": "text/csv"}, {"If-Match": "*"}
    answers = [
        added,
        await ask("POST", "/companies", json={"name": "Rồng Xanh"}),
        await ask("POST", "/companies", json={}),
        await ask("POST", "/companies", "dpo"),
        await ask("GET", "/companies"),
        await ask("GET", "/companies", params={"limit": "0"}),
        await ask("GET", path),
        await ask("GET", "/companies/0"),
        await ask("PUT", path, json={"name": "Rồng Xanh"}),
        await ask("PUT", path, json={"name": "Rồng Xanh"}, headers={"If-Match": '"9"'}),
        await ask("PUT", path, json={"name": "Rồng Đỏ"}, headers=any_version),
        await ask("DELETE", "/companies/0", headers=any_version),
        await ask("POST", "/companies.csv", content="name\nRồng\n.\n", headers=csv),
        await ask("POST", "/companies.csv", content="", headers=csv),
    ]
    statuses = [201, 409, 422, 403, 200, 422, 200, 404, 428, 412, 200, 404, 200, 422]
    assert [answer.status_code for answer in answers] == statuses


@pytest.mark.parametrize("base", ["", "/api/v1", "/api/v1/veriaidpo"])
async def test_the_pages_need_nothing_from_elsewhere(gateway: Any, base: Any) -> None:
    page = await gateway.public.get(base + "/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!doctype html>", "")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    for name in ("docs/swagger-ui-bundle.js", "docs/swagger-ui.css", "docs/start.js", "openapi.json"):
        assert (await gateway.public.get(f"{base}/{name}")).status_code == 200
