"""Callers of the former service go on as they are: settings, calls and answers of the plan of its migration.

One thing is meant to differ: a request without a token was a 403 there and is a 401 here.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from .former_backend import CurrentUser, FormerBackend
from .gateway_process import REVISION, SECRET, Gateway, predictor_beside, running
from .postgres_process import PostgresProcess
from .redis_process import RedisProcess

STAFF = ("processing_activity.read",)
OFFICER = (*STAFF, "data_category.write", "analytics.read")
PERMISSIONS = {
    "viewer": (),
    "staff": STAFF,
    "auditor": ("analytics.read",),
    "dpo": OFFICER,
    "compliance_manager": OFFICER,
    "admin": OFFICER,
}
"""What the backend wrote into the tokens of each role."""

SENTENCE = {"text": "Shopee VN thu thập email khách hàng"}
CALLS: list[tuple[str, str, Any, str | None]] = [
    ("POST", "/classify", SENTENCE, "processing_activity.read"),
    ("POST", "/classify-legal-basis", SENTENCE, "processing_activity.read"),
    ("POST", "/classify-breach-severity", SENTENCE, "processing_activity.read"),
    ("POST", "/classify-cross-border", SENTENCE, "processing_activity.read"),
    ("POST", "/batch-classify", {"texts": [SENTENCE["text"]]}, "processing_activity.read"),
    ("POST", "/normalize", SENTENCE, "data_category.write"),
    ("GET", "/model-status", None, "analytics.read"),
    ("GET", "/health", None, None),
]
"""The former service's eight routes, and the right that each asked for."""

Ask = Callable[[str, str, Any, str | None], httpx.Response]

OWN_PREFIX, SHORTER, NONE = "/api/v1/veriaidpo", "/api/v1", ""


def models() -> str:
    return json.dumps(
        {
            "kind": "ModelList",
            "items": [
                {
                    "kind": "Model",
                    "metadata": {"name": name.replace("_", "-")},
                    "spec": {
                        "modelType": name,
                        "language": "vi",
                        "labels": [{"id": "a", "en": "A", "vi": "Á"}, {"id": "b", "en": "B", "vi": "Bê"}],
                    },
                    "status": {
                        "currentRevision": REVISION,
                        "inferenceService": {"url": "http://127.0.0.1:PORT"},
                        "conditions": [{"type": one, "status": "True"} for one in ("Servable", "Ready")],
                    },
                }
                for name in ("principles", "legal_basis", "breach_severity", "cross_border")
            ],
        }
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresProcess) -> Iterator[Gateway]:
    """A gateway with the environment of the plan's docker-compose.yml, and where its models are."""
    folder = tmp_path_factory.mktemp("service")
    redis = RedisProcess(folder)
    redis.start()
    with predictor_beside() as predictor_port:
        (folder / "models.json").write_text(models().replace("PORT", str(predictor_port)))
        settings = {
            "JWT_SECRET_KEY": SECRET,
            "JWT_ALGORITHM": "HS256",
            "DATABASE_URL": postgres_server.create("former"),
            "REDIS_URL": redis.url,
            "HUGGINGFACE_TOKEN": "hf_of_the_service_of_before",
            "MODEL_CACHE_DIR": "/app/models",
            "ROUTES_FILE": str(folder / "models.json"),
        }
        with running(folder, predictor_port, settings) as found:
            yield found
    redis.kill()


def token_of(role: str, **claims: Any) -> str:
    """As the backend signed it: its claims by name, the permissions written out."""
    payload = {
        "sub": "user-1",
        "role": role,
        "tenant_id": "tenant-1",
        "permissions": list(PERMISSIONS[role]),
        "exp": int(time.time()) + 600,
        **claims,
    }
    return jwt.encode({name: value for name, value in payload.items() if value is not None}, SECRET, "HS256")


def user(role: str) -> CurrentUser:
    return CurrentUser("tenant-1", role, token_of(role))


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as opened:
        yield opened


@pytest.fixture
def ask(client: httpx.Client, service: Gateway) -> Ask:
    def sent(method: str, path: str, body: Any, token: str | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return client.request(method, service.url + path, json=body, headers=headers)

    return sent


async def test_the_service_is_healthy(service: Gateway) -> None:
    deadline = time.monotonic() + 20
    while (health := await FormerBackend(service.url).health())["status"] != "healthy":
        assert time.monotonic() < deadline, health
    assert health["service"].startswith("VeriAIDPO")


async def test_a_sentence_through_the_proxy(service: Gateway) -> None:
    asked = {**SENTENCE, "model_type": "principles", "language": "vi"}
    answer = await FormerBackend(service.url).classify(asked, user("staff"))
    assert (answer["prediction"], answer["category_id"], answer["confidence"]) == ("Bê", 1, 0.75)
    assert (answer["model_type"], answer["language"]) == ("principles", "vi")
    assert answer["original_text"] == SENTENCE["text"]
    assert answer["normalized_text"] == "[COMPANY] thu thập email khách hàng"
    assert answer["detected_companies"] == ["Shopee VN"]
    metadata = answer["processing_metadata"]
    assert (metadata["normalization_applied"], metadata["companies_detected"]) == (True, 1)
    assert {"processing_time_ms", "model_categories", "timestamp"} <= metadata.keys()


def test_a_sentence_directly(ask: Ask) -> None:
    body = {"text": "Tiki thu thập số điện thoại", "model_type": "legal_basis", "language": "vi"}
    answer = ask("POST", "/classify", body, token_of("staff"))
    assert (answer.status_code, answer.json()["model_type"]) == (200, "legal_basis")


async def test_a_text_is_normalised_through_the_proxy(service: Gateway) -> None:
    answer = await FormerBackend(service.url).normalize(SENTENCE, user("dpo"))
    assert answer["original_text"] == SENTENCE["text"]
    assert answer["normalized_text"] == "[COMPANY] thu thập email khách hàng"
    assert (answer["detected_companies"], answer["normalization_count"]) == (["Shopee VN"], 1)
    assert answer["processing_time_ms"] >= 0


async def test_a_refusal_through_the_proxy_is_json_that_it_can_hand_on(service: Gateway) -> None:
    backend = FormerBackend(service.url)
    refused = [
        await backend.classify({"text": ""}, user("staff")),
        await backend.classify({**SENTENCE, "model_type": "astrology"}, user("staff")),
        await backend.classify({**SENTENCE, "text": "a" * 70_000}, user("staff")),
        await backend.classify(SENTENCE, CurrentUser("tenant-1", "staff", "nonsense")),
        await backend.normalize(SENTENCE, user("staff")),
    ]
    assert [one["detail"]["code"] for one in refused] == [
        "invalid_request",
        "unknown_model_type",
        "body_too_large",
        "unauthenticated",
        "permission_denied",
    ]
    assert all(one["detail"]["error"] and one["detail"]["error_vi"] for one in refused)


async def test_what_the_proxy_says_of_its_caller_is_not_believed(service: Gateway) -> None:
    claiming = CurrentUser("tenant-2", "admin", token_of("viewer"))
    refused = await FormerBackend(service.url).classify(SENTENCE, claiming)
    assert refused["detail"]["user_role"] == "viewer"


@pytest.mark.parametrize("base", [OWN_PREFIX, SHORTER, NONE])
@pytest.mark.parametrize(("method", "path", "body", "right"), CALLS)
def test_the_eight_routes_under_every_base(
    ask: Ask, base: str, method: str, path: str, body: Any, right: Any
) -> None:
    assert ask(method, base + path, body, token_of("dpo")).status_code == 200
    without = ask(method, base + path, body, None)
    if right is None:
        assert without.status_code == 200
    else:
        assert without.status_code == 401
        assert without.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("role", PERMISSIONS)
@pytest.mark.parametrize(("method", "path", "body", "right"), CALLS)
def test_who_might_before_may_now(ask: Ask, role: str, method: str, path: str, body: Any, right: Any) -> None:
    by_list = ask(method, OWN_PREFIX + path, body, token_of(role))
    by_role = ask(method, OWN_PREFIX + path, body, token_of(role, permissions=None))
    allowed = right is None or right in PERMISSIONS[role]
    assert (by_list.status_code, by_role.status_code) == ((200, 200) if allowed else (403, 403))
    if not allowed:
        detail = by_list.json()["detail"]
        assert detail["error"] == f"Permission denied: {right} required"
        assert detail["error_vi"] == f"Từ chối quyền truy cập: cần quyền {right}"
        assert (detail["required_permission"], detail["user_role"]) == (right, role)


@pytest.mark.parametrize("claims", [{"sub": None}, {"sub": ""}, {"exp": int(time.time()) - 60}])
def test_a_token_that_was_a_401_is_one(ask: Ask, claims: Any) -> None:
    assert ask("POST", "/classify", SENTENCE, token_of("dpo", **claims)).status_code == 401


def test_a_token_of_another_secret_is_a_401(ask: Ask) -> None:
    foreign = jwt.encode(jwt.decode(token_of("dpo"), options={"verify_signature": False}), "x" * 32, "HS256")
    assert ask("POST", "/classify", SENTENCE, foreign).status_code == 401


def test_what_belongs_to_the_downloads_of_before_is_in_no_log(service: Gateway) -> None:
    assert "hf_of_the_service_of_before" not in service.log.read_text()


def test_each_secret_may_come_from_a_file(
    client: httpx.Client, tmp_path: Path, redis_process: RedisProcess, postgres: tuple[PostgresProcess, str]
) -> None:
    secrets = {"JWT_SECRET_KEY": SECRET, "DATABASE_URL": postgres[1], "REDIS_URL": redis_process.url}
    settings = {"JWT_SECRET_KEY": ""}
    for name, value in secrets.items():
        (tmp_path / name).write_text(value + "\n")
        settings[f"{name}_FILE"] = str(tmp_path / name)
    with predictor_beside() as port, running(tmp_path, port, settings) as service:
        headers = {"Authorization": f"Bearer {token_of('staff')}"}
        assert client.post(f"{service.url}/classify", json=SENTENCE, headers=headers).status_code == 200
        components = client.get(f"{service.url}/health").json()["components"]
        assert components["company_registry"]["kind"] == "postgresql"
        assert components["cache"]["kind"] == "redis"
