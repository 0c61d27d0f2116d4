"""A gateway as a process of this machine, and a predictor beside it that knows one answer."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

SECRET = "a secret of thirty-two bytes, yes"
REVISION = "5" * 64


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def v2_answer(model: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return category 1 of 2 for each text that was asked for."""
    n = len(body["inputs"][0]["data"])
    outputs = [
        {"name": "category_id", "shape": [n], "datatype": "INT64", "data": [1] * n},
        {"name": "probabilities", "shape": [n, 2], "datatype": "FP32", "data": [0.25, 0.75] * n},
        {"name": "tokens", "shape": [n], "datatype": "INT64", "data": [9] * n},
        {"name": "truncated", "shape": [n], "datatype": "BOOL", "data": [False] * n},
    ]
    parameters = {"model_revision": REVISION}
    return {"model_name": model, "id": body["id"], "parameters": parameters, "outputs": outputs}


@asynccontextmanager
async def serving(infer: Callable[[Request], Awaitable[JSONResponse]], port: int) -> AsyncIterator[None]:
    """Serve a predictor's infer route in this process."""
    app = Starlette(routes=[Route("/v2/models/{name}/infer", infer, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    # Under pytest the signals belong to pytest.
    task = asyncio.create_task(server._serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110  it has no event for it
            await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await task


@contextmanager
def predictor_beside() -> Iterator[int]:
    """Serve such a predictor in a thread, for tests that do not run in a loop; its port.

    Asked for a text that begins with `explode`, it fails and says all it knows.
    """
    port, over = free_port(), threading.Event()
    up = threading.Event()

    async def infer(request: Request) -> JSONResponse:
        body = await request.json()
        texts: list[str] = body["inputs"][0]["data"]
        if texts[0].startswith("explode"):
            return JSONResponse({"error": f"ValueError : /mnt/models: {texts}"}, 500)
        return JSONResponse(v2_answer(request.path_params["name"], body))

    async def serve() -> None:
        async with serving(infer, port):
            up.set()
            while not over.is_set():  # noqa: ASYNC110  set from another thread
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert up.wait(10)
    try:
        yield port
    finally:
        over.set()
        thread.join()


@dataclass
class Gateway:
    """The process, its ports, and its log."""

    process: subprocess.Popen[bytes]
    port: int
    inner: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def resident(self) -> int:
        """Return the memory it holds, in bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running(
    folder: Path, predictor_port: int, settings: dict[str, str], *, threshold: float | None = None
) -> Iterator[Gateway]:
    model = {
        "kind": "Model",
        "metadata": {"name": "principles-vi"},
        "spec": {
            "modelType": "principles",
            "language": "vi",
            "labels": [{"id": "a", "en": "A", "vi": "Á"}, {"id": "b", "en": "B", "vi": "Bê"}],
            **({} if threshold is None else {"threshold": threshold}),
        },
        "status": {
            "currentRevision": REVISION,
            "inferenceService": {"url": f"http://127.0.0.1:{predictor_port}"},
            "conditions": [{"type": "Servable", "status": "True"}, {"type": "Ready", "status": "True"}],
        },
    }
    (folder / "routes.json").write_text(json.dumps(model))
    port, inner, log = free_port(), free_port(), folder / "gateway.log"
    environment = {
        "PATH": os.environ["PATH"],
        "JWT_SECRET_KEY": SECRET,
        "ROUTES_FILE": str(folder / "routes.json"),
        "RATE_LIMIT_PER_SECOND": "0",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "INNER_PORT": str(inner),
        **settings,
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "veriaidpo_gateway", "serve"], env=environment, stdout=out, stderr=out
        )
    try:
        wait_until_ready(process, inner, log)
        yield Gateway(process, port, inner, log)
    finally:
        process.kill()
        process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], inner: int, log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"http://127.0.0.1:{inner}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(log.read_text())
