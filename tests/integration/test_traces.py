"""A collector that is away, and none at all, beside a gateway as people run it."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import jwt
import pytest

from .gateway_process import SECRET, Gateway, predictor_beside, running
from .otlp_receiver import receiving

Start = Callable[..., Gateway]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        port = stack.enter_context(predictor_beside())
        yield lambda **settings: stack.enter_context(running(tmp_path, port, settings))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    claims = {"sub": "anna", "role": "staff", "tenant_id": "cty-x", "exp": int(time.time()) + 600}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=20) as opened:
        yield opened


async def classify(client: httpx.AsyncClient, gateway: Gateway) -> None:
    answer = await client.post(f"{gateway.url}/classify", json={"text": "Khách hàng đồng ý."})
    assert answer.status_code == 200, answer.text


def lines(gateway: Gateway, message: str = "") -> list[dict[str, object]]:
    found = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    return [line for line in found if message in line["message"]]


async def test_a_collector_that_hangs_is_said_once_and_costs_no_request_anything(
    start: Start, client: httpx.AsyncClient
) -> None:
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        gateway = start(
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
            OTEL_BSP_MAX_QUEUE_SIZE="64",  # full at once, and the batches as small
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="64",
        )
        end = time.monotonic() + 7  # twice as long as it is waited for
        while time.monotonic() < end:
            await classify(client, gateway)
            await asyncio.sleep(0.02)  # several hundred in all: far more than the queue holds
    with receiving(port) as collector:
        await classify(client, gateway)
        await asyncio.to_thread(collector.until, lambda spans: spans)
        while not lines(gateway, "takes traces again"):  # noqa: ASYNC110  written by another process
            await asyncio.sleep(0.05)
    told = [line["message"] for line in lines(gateway) if line["message"] != "request"]
    assert [message for message in told if "the collector" not in str(message)] == []
    assert len(told) == 2
    durations = [float(str(line["ms"])) for line in lines(gateway, "request")]
    assert len(durations) > 64
    assert max(durations) < 1500  # an attempt to send takes 3 s


async def test_a_collector_that_hangs_holds_nobody_up_who_stops(
    start: Start, client: httpx.AsyncClient
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        gateway = start(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
        await classify(client, gateway)
        await client.aclose()  # the server waits for open connections
        gateway.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(gateway.process.wait, 8) == 0


async def test_without_a_collector_nothing_is_loaded_for_it(start: Start, client: httpx.AsyncClient) -> None:
    gateway = start(PYTHONPROFILEIMPORTTIME="1")
    await classify(client, gateway)
    loaded = {line.rpartition("|")[2].strip() for line in gateway.log.read_text().splitlines() if "|" in line}
    assert "veriaidpo_gateway.tracing" in loaded
    assert not loaded & {"veriaidpo_gateway.collector", "opentelemetry.sdk", "requests", "google.protobuf"}
