"""A gateway in a test: the real applications, with a predictor, a clock and a key of the test's own."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import hypothesis
import jwt
import pytest

from veriaidpo_gateway.app import Upkeep, create_apps
from veriaidpo_gateway.database.connecting import Database, open_database
from veriaidpo_gateway.models.predictor import Predictors
from veriaidpo_gateway.models.routes import Routes, model_from
from veriaidpo_gateway.record_settings import RecordSettings
from veriaidpo_gateway.settings import CacheSettings, LimitSettings, RouteSettings, Settings
from veriaidpo_gateway.token_settings import TokenSettings
from veriaidpo_gateway.tracing import Tracer

from .answering import posting
from .recording import Recording, signing_key

SECRET = "a secret of thirty-two bytes, yes"
REVISION = "5" * 64

# How long an example takes is a matter of what else the machine does.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture
def secret() -> str:
    return SECRET


class TokenFor(Protocol):
    def __call__(self, role: str = ..., **claims: Any) -> str: ...


@pytest.fixture
def token_for() -> TokenFor:
    """A good token; a claim given as `...` is left out."""

    def make(role: str = "staff", **claims: Any) -> str:
        now = int(time.time())
        wanted = {"sub": "u1", "role": role, "tenant_id": "t1", "iat": now, "exp": now + 600, **claims}
        return jwt.encode({k: v for k, v in wanted.items() if v is not ...}, SECRET, "HS256")

    return make


@pytest.fixture
def bearer(token_for: TokenFor) -> Callable[..., dict[str, str]]:
    return lambda role="staff", **claims: {"Authorization": f"Bearer {token_for(role, **claims)}"}


@pytest.fixture
def model_resource() -> Callable[..., dict[str, Any]]:
    """A Model resource as the operator leaves it."""

    def make(
        name: str = "principles-vi",
        *,
        model_type: str = "principles",
        language: str = "vi",
        aliases: tuple[str, ...] = (),
        labels: int = 8,
        servable: bool = True,
        task: str = "text-classification",
        revision: str = REVISION,
        spec: dict[str, Any] | None = None,
        status: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        state = "True" if servable else "False"
        return {
            "apiVersion": "veriaidpo.verisyntra.vn/v1alpha1",
            "kind": "Model",
            "metadata": {"name": name, "resourceVersion": "7"},
            "spec": {
                "modelType": model_type,
                "language": language,
                "aliases": list(aliases),
                "task": task,
                "labels": [{"id": f"l{i}", "en": f"Label {i}", "vi": f"Nhãn {i}"} for i in range(labels)],
                "source": {"uri": f"hf://owner/{name}"},
                **(spec or {}),
            },
            "status": {
                "currentRevision": revision,
                "inferenceService": {"name": name, "url": f"http://{name}.models:8080", "readyReplicas": 1},
                "conditions": [
                    {"type": "Servable", "status": state, "reason": "Answering", "message": ""},
                    {"type": "Ready", "status": state, "reason": "Answering", "message": "fine"},
                ],
                **(status or {}),
            },
        }

    return make


@dataclass
class Predictor:
    """A predictor that answers what it is told to and remembers what it was asked."""

    category: int = 2
    revision: str = REVISION
    labels: int = 8
    asked: list[httpx.Request] = field(default_factory=list)
    answer: Callable[[httpx.Request], Any] | None = None

    @property
    def texts(self) -> list[str]:
        return [text for texts in self.batches for text in texts]

    @property
    def batches(self) -> list[list[str]]:
        return [json.loads(request.content)["inputs"][0]["data"] for request in self.asked]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.answer is not None:
            answer = self.answer(request)
            response = await answer if hasattr(answer, "__await__") else answer
            assert isinstance(response, httpx.Response)
            return response
        return httpx.Response(200, json=self.body(request))

    def body(self, request: httpx.Request) -> dict[str, Any]:
        asked = json.loads(request.content)
        n = len(asked["inputs"][0]["data"])
        rest = 0.2 / (self.labels - 1)
        probabilities = [0.8 if i == self.category else rest for i in range(self.labels)]
        shape = [n, self.labels]
        return {
            "model_name": request.url.path.split("/")[3],
            "id": asked["id"],
            "parameters": {"model_revision": self.revision},
            "outputs": [
                {"name": "category_id", "shape": [n], "datatype": "INT64", "data": [self.category] * n},
                {"name": "probabilities", "shape": shape, "datatype": "FP32", "data": probabilities * n},
                {"name": "tokens", "shape": [n], "datatype": "INT64", "data": [9] * n},
                {"name": "truncated", "shape": [n], "datatype": "BOOL", "data": [False] * n},
            ],
        }


@pytest.fixture
def predictor() -> Predictor:
    return Predictor()


class FixedSource:
    """Routes that are what the test says."""

    kind = "file"

    def __init__(self, resources: list[dict[str, Any]]) -> None:
        self.resources: list[dict[str, Any]] | None = resources
        self.connected = True

    def current(self) -> Routes | None:
        if self.resources is None:
            return None
        return Routes(model_from(resource) for resource in self.resources)

    async def run(self) -> None:
        return


@dataclass
class Gateway:
    """Clients of both ports, and what the gateway stands on."""

    public: httpx.AsyncClient
    inner: httpx.AsyncClient
    predictor: Predictor
    source: FixedSource
    upkeep: tuple[Upkeep, ...]

    async def refresh(self) -> None:
        """Let everything that is kept up to date catch up."""
        for part in self.upkeep:
            await part.refresh()

    async def classify(self, text: str, headers: dict[str, str], **body: Any) -> httpx.Response:
        return await self.public.post("/classify", json={"text": text, **body}, headers=headers)


@pytest.fixture
def run_gateway(predictor: Predictor, model_resource: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """Open a gateway: `async with run_gateway(per_user=3) as gateway`."""

    @asynccontextmanager
    async def run(
        *,
        resources: list[dict[str, Any]] | None = None,
        per_user: int = 0,
        per_tenant: int = 0,
        characters_per_user: int = 0,
        deadline: float = 30.0,
        store: Any = None,
        cache_key: bytes | None = None,
        max_lifetime: int = 86_400,
        tag_questions: bool = False,
        database: Database | None = None,
        records: RecordSettings | None = None,
        tracer: Tracer | None = None,
        client: tuple[str, int] = ("127.0.0.1", 123),
    ) -> AsyncIterator[Gateway]:
        source = FixedSource([model_resource()] if resources is None else resources)
        settings = Settings(
            tokens=TokenSettings(secret=SECRET, max_lifetime=max_lifetime),
            limits=LimitSettings(per_user, per_tenant, characters_per_user),
            cache=CacheSettings(key=cache_key),
            routes=RouteSettings(),
            normaliser_model_for_classify=tag_questions,
            records=records,
        )
        async with database or open_database(None) as companies:
            apps = create_apps(
                settings,
                source=source,
                store=store,
                database=companies,
                predictors=Predictors(posting(predictor), None),
                tracer=tracer,
                deadline=deadline,
            )
            async with (
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(apps.public, client=client), base_url="http://gw"
                ) as public,
                httpx.AsyncClient(transport=httpx.ASGITransport(apps.inner), base_url="http://gw") as inner,
            ):
                yield Gateway(public, inner, predictor, source, apps.upkeep)
                if apps.recorder is not None:
                    await apps.recorder.close()

    return run


@pytest.fixture
async def gateway(run_gateway: Callable[..., Any]) -> AsyncIterator[Gateway]:
    async with run_gateway() as opened:
        yield opened


@pytest.fixture
def recording(run_gateway: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    @asynccontextmanager
    async def run(**options: Any) -> AsyncIterator[Recording]:
        file, public = signing_key(tmp_path)
        settings = RecordSettings(key=b"k" * 32, signing_key_file=file, spool=tmp_path / "spool")
        database = open_database(f"sqlite:///{tmp_path / 'records.db'}")
        async with run_gateway(records=settings, database=database, **options) as gateway:
            yield Recording(gateway, database, public)

    return run
