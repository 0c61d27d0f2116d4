"""The hub is killed in the middle of a download and comes back: the real client goes on where it was."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.hub.conftest import Client, HubStarter, Write

MEBIBYTE = 1 << 20


def test_the_real_client_resumes(
    start: HubStarter, client: Client, write: Write, free_port: int, tmp_path: Path
) -> None:
    # The client keeps what it got in steps of 10 MiB.
    weights = random.Random(1).randbytes(24 * MEBIBYTE)
    write(tmp_path / "root" / "big", {"model.onnx": weights})
    root = f"acme={tmp_path / 'root'}"
    hub = start("--root", root, "--rate", str(4 * MEBIBYTE), port=free_port)
    download = client.start(hub.url, "hf_hub_download", repo_id="acme/big", filename="model.onnx")
    deadline = time.monotonic() + 60
    while hub.counter("hub_bytes_sent_total") < 14 * MEBIBYTE:
        assert time.monotonic() < deadline, "the download did not get there"
        time.sleep(0.02)
    hub.stop(signal.SIGKILL)

    again = start("--root", root, port=free_port)
    file = client.outcome(download)["result"]
    assert Path(file).read_bytes() == weights
    assert again.counter("hub_requests_total", code="206") == 1
    assert 0 < again.counter("hub_bytes_sent_total") <= 14 * MEBIBYTE
