"""--rate keeps each connection at a pace, so that something can happen in the middle of a download."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hub.conftest import Client, HubProcess, HubStarter, Write


FILE = "/acme/small/resolve/main/onnx/model.onnx"
RATE = 500_000
CHUNK = RATE // 20


def read_for(hub: HubProcess, seconds: float) -> tuple[int, float]:
    """Bytes read, and how long they took, which is at least `seconds`."""
    connection = hub.connect()
    started = time.monotonic()
    connection.request("GET", FILE)
    answer = connection.getresponse()
    count = 0
    while (took := time.monotonic() - started) < seconds:
        count += len(answer.read1(CHUNK))
    connection.close()
    return count, took


@pytest.fixture
def slow(start: HubStarter, models: Path) -> HubProcess:
    return start("--root", f"acme={models}", "--rate", str(RATE))


def test_no_more_than_the_rate_arrives_and_yet_it_arrives(slow: HubProcess) -> None:
    count, took = read_for(slow, 0.6)
    assert 0 < count <= RATE * took + CHUNK


def test_progress_comes_in_small_steps(start: HubStarter, models: Path) -> None:
    rate = 50_000  # twenty seconds for all of it
    hub = start("--root", f"acme={models}", "--rate", str(rate))
    connection = hub.connect()
    connection.request("GET", FILE)
    answer = connection.getresponse()
    answer.read(1)
    before = hub.counter("hub_bytes_sent_total")
    answer.read(before + rate // 20)  # what was counted by then, and one step more
    assert before < hub.counter("hub_bytes_sent_total") < 1 << 20
    connection.close()


def test_each_connection_has_its_own(slow: HubProcess) -> None:
    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(lambda _: read_for(slow, 0.6), range(4)))
    assert sum(count for count, _ in counts) > RATE * max(took for _, took in counts)


def test_answers_that_are_no_files_are_not_held_up(start: HubStarter, models: Path, write: Write) -> None:
    write(models / "long", {f"{number:03}.txt": b"" for number in range(300)})
    hub = start("--root", f"acme={models}", "--rate", "100")
    listing = hub.get("/api/models/acme/long/tree/main")
    assert len(listing.body) > 100 * 60, "a minute at that rate, longer than the time-out of the request"


def test_the_real_client_gets_all_of_it(slow: HubProcess, client: Client, model: dict[str, bytes]) -> None:
    file = client(slow, "hf_hub_download", repo_id="acme/small", filename="onnx/model.onnx")
    assert Path(file).read_bytes() == model["onnx/model.onnx"]
