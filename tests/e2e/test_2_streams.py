"""Long streams of lines through the ingress, as `curl` sends them: chunked, over HTTP/1.1."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .cluster import BASE, HOST
from .conftest import Installation, token

Lines = list[dict[str, Any]]
SECONDS = 600


@pytest.fixture
def streamer(installation: Installation, tmp_path: Path) -> str:
    """Return a token of a user of the test's own: a stream takes all that a user may ask in a second."""
    return token("staff", "--sub", tmp_path.name)


def written(folder: Path, lines: int) -> Path:
    """Write so many lines to send."""
    path = folder / "sent.ndjson"
    with path.open("w") as file:
        for i in range(lines):
            line = json.dumps({"id": i, "text": f"Shopee lưu câu {i % 7}", "include_metadata": False})
            file.write(line + "\n")
    return path


def streamed(sent: Path, token: str, *headers: str) -> Lines:
    """Send a file's lines; every whole line of the answer, which something on the way may have cut."""
    told = (
        f"Host: {HOST}",
        f"Authorization: Bearer {token}",
        "Content-Type: application/x-ndjson",
        "Expect:",
        "Transfer-Encoding: chunked",
        *headers,
    )
    command = (
        "curl",
        "-sSN",
        "--http1.1",
        "--max-time",
        str(SECONDS),
        "-X",
        "POST",
        "--upload-file",
        str(sent),
    )
    url = f"{os.environ['INGRESS']}{BASE}/batch-classify"
    flags = (part for header in told for part in ("--header", header))
    done = subprocess.run(
        (*command, *flags, url), capture_output=True, text=True, timeout=SECONDS + 20, check=False
    )
    return [json.loads(line) for line in done.stdout.splitlines(keepends=True) if line.endswith("\n")]


def test_a_long_stream_comes_through_the_ingress_whole(streamer: str, tmp_path: Path) -> None:
    *results, last = streamed(written(tmp_path, 3_000), streamer, "Connection: close")
    assert [result["id"] for result in results] == list(range(3_000))
    assert (last["complete"], last["lines"], last["answers"]) == (True, 3_000, 3_000)


@pytest.mark.slow  # a user's limit lets a hundred lines a second through
def test_what_the_ingress_loses_of_a_long_stream_can_be_seen(streamer: str, tmp_path: Path) -> None:
    *results, last = streamed(written(tmp_path, 5_000), streamer)
    assert last["answers"] == last["lines"] == len(results)
    whole = [result.get("id") for result in results] == list(range(5_000))
    assert whole == (last["lines"] == 5_000)
