"""The gateway as people run it: a process with two ports, a predictor and a Redis beside it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from .gateway_process import SECRET, Gateway, free_port, running, serving, v2_answer

TEXT = "Nguyễn Văn A mua hàng"


class Predictor:
    """Answers category 1 of 2; `gate` holds it back."""

    def __init__(self) -> None:
        self.port = free_port()
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = 0

    async def infer(self, request: Request) -> JSONResponse:
        body = await request.json()
        self.asked += 1
        await self.gate.wait()
        return JSONResponse(v2_answer(request.path_params["name"], body))


@pytest.fixture
async def predictor() -> AsyncIterator[Predictor]:
    found = Predictor()
    async with serving(found.infer, found.port):
        yield found


StartGateway = Callable[..., Gateway]


@pytest.fixture
def start(tmp_path: Path, predictor: Predictor) -> Iterator[StartGateway]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(tmp_path, predictor.port, settings))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    now = int(time.time())
    claims = {"sub": "anna@example.vn", "role": "staff", "tenant_id": "cty-x", "exp": now + 600}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=20) as opened:
        yield opened


async def classify(client: httpx.AsyncClient, gateway: Gateway, text: str = TEXT) -> httpx.Response:
    return await client.post(f"{gateway.url}/classify", json={"text": text})


async def test_it_answers_on_both_ports_and_logs_nobody(
    start: StartGateway, client: httpx.AsyncClient
) -> None:
    gateway = start()
    answer = await classify(client, gateway)
    assert (answer.status_code, answer.json()["prediction"]) == (200, "Bê")
    assert "server" not in answer.headers
    metrics = await client.get(f"http://127.0.0.1:{gateway.inner}/metrics")
    assert 'route="classify",status="200"} 1.0' in metrics.text
    assert (await client.get(f"{gateway.url}/metrics")).status_code == 404
    # A line is written when its answer is through, which a client may know first.
    async with asyncio.timeout(10):
        while '"unmatched"' not in gateway.log.read_text():  # noqa: ASYNC110  another process writes it
            await asyncio.sleep(0.01)
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    assert [line["route"] for line in lines if line["message"] == "request"] == ["classify", "unmatched"]
    for word in ("Nguyễn", "anna", "cty-x", "eyJ", SECRET):
        assert word not in gateway.log.read_text()


async def test_requests_under_way_are_finished_when_told_to_stop(
    start: StartGateway, client: httpx.AsyncClient, predictor: Predictor
) -> None:
    gateway = start()
    predictor.gate.clear()
    under_way = [asyncio.create_task(classify(client, gateway, f"câu {i}")) for i in range(10)]
    async with asyncio.timeout(10):
        while predictor.asked < 10:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    gateway.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    predictor.gate.set()
    answers = await asyncio.gather(*under_way)
    assert [answer.status_code for answer in answers] == [200] * 10
    assert await asyncio.to_thread(gateway.process.wait, 10) == 0


@pytest.mark.parametrize("how", ["killed", "silent"])
async def test_redis_dying_in_the_middle_costs_no_answer(
    start: StartGateway, client: httpx.AsyncClient, redis_process: Any, how: str
) -> None:
    settings = {"REDIS_URL": redis_process.url, "CACHE_KEY": "k" * 32, "RATE_LIMIT_PER_SECOND": "1000"}
    gateway = start(**settings)
    assert (await classify(client, gateway)).json()["cached"] is False
    assert (await classify(client, gateway)).json()["cached"] is True
    redis_process.kill() if how == "killed" else redis_process.silence()
    answers = [await classify(client, gateway) for _ in range(30)]
    assert [answer.status_code for answer in answers] == [200] * 30
    assert not answers[-1].json()["cached"]
    health = (await client.get(f"{gateway.url}/health")).json()
    assert (health["status"], health["components"]["cache"]["status"]) == ("degraded", "degraded")


async def test_a_predictor_that_dies_is_a_503_and_its_return_is_noticed(
    start: StartGateway, client: httpx.AsyncClient, predictor: Predictor, tmp_path: Path
) -> None:
    gateway = start()
    routes = tmp_path / "routes.json"
    good = routes.read_text()
    routes.write_text(good.replace(f":{predictor.port}", f":{free_port()}"))
    await asyncio.sleep(1.1)  # how often the file is looked at
    assert (await classify(client, gateway)).status_code == 503
    routes.write_text(good)
    await asyncio.sleep(1.1)
    assert (await classify(client, gateway)).status_code == 200


HEAD = b"POST /classify HTTP/1.1\r\nHost: a\r\n"
HIDDEN = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
FRAMING = {
    "both lengths": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "a list of lengths": HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "a negative length": HEAD + b"Content-Length: -5\r\n\r\nhello",
    "a length with a sign": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "a strange encoding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded line": HEAD + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a NUL": b"GET /health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "a broken chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n0\r\n\r\n",
    "no such version": b"GET /health HTTP/9.9\r\nHost: a\r\n\r\n",
}


async def test_no_request_hides_in_another(start: StartGateway) -> None:
    gateway = start()
    for name, raw in FRAMING.items():
        answer = await exchange(gateway.port, raw)
        assert answer.startswith(b"HTTP/1.1 4"), (name, answer)
        assert answer.count(b"HTTP/1.1 ") == 1, (name, answer)


async def exchange(port: int, raw: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    answer = b""
    try:
        async with asyncio.timeout(1.0):
            while chunk := await reader.read(65_536):
                answer += chunk
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return answer


async def test_a_body_that_is_too_long_ends_the_connection(
    start: StartGateway, client: httpx.AsyncClient
) -> None:
    gateway = start()
    token = client.headers["Authorization"].encode()
    head = (
        HEAD
        + b"Authorization: "
        + token
        + b"\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
    )
    started = time.monotonic()
    answer = await exchange(gateway.port, head + b" " * 1000)
    assert answer.startswith(b"HTTP/1.1 413")
    assert time.monotonic() - started < 0.9  # the other side closed: nobody waited for the rest


def test_without_its_parser_it_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "httptools.py").write_text("raise ImportError('not here')")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tmp_path),
        "JWT_SECRET_KEY": SECRET,
        "ROUTES_FILE": os.devnull,
    }
    command = [sys.executable, "-m", "veriaidpo_gateway", "serve"]
    ended = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False)
    assert ended.returncode != 0
    assert b"not here" in ended.stderr
