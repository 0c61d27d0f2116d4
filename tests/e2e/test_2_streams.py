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
ATTEMPTS = 10


@pytest.fixture
def streamer(installation: Installation, tmp_path: Path) -> str:
    """Return a token of a user of the test's own: a stream takes all that a user may ask in a second."""
    return token("staff", "--sub", tmp_path.name)


def written(folder: Path, lines: int, *, width: int = 0) -> Path:
    """Write so many lines to send, each at least so wide."""
    path = folder / "sent.ndjson"
    with path.open("w") as file:
        for i in range(lines):
            line = json.dumps({"id": i, "text": f"Shopee lưu câu {i % 7}", "include_metadata": False})
            file.write(line.ljust(width) + "\n")
    return path


def streamed(sent: Path, token: str, *headers: str, query: str = "") -> Lines:
    """Send a file's lines, once the limit lets them in; every whole line of the answer, which may be cut."""
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
        "--fail",
        "--retry",
        "5",
        "--http1.1",
        "--max-time",
        str(SECONDS),
        "-X",
        "POST",
        "--upload-file",
        str(sent),
    )
    url = f"{os.environ['INGRESS']}{BASE}/batch-classify{query}"
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


@pytest.mark.slow
def test_what_the_ingress_cuts_off_is_resumed_and_each_line_is_answered_once(
    streamer: str, tmp_path: Path
) -> None:
    """Traefik reads no body for longer than a minute: what fills all buffers and takes longer is cut."""
    lines = 12_000
    sent, answered, query = written(tmp_path, lines, width=2_000), Lines(), ""
    for _attempt in range(ATTEMPTS):
        *results, last = streamed(sent, streamer, "Connection: close", query=query)
        if last.get("stream_ended"):
            answered += results
            break
        answered += [*results, last]
        query = f"?resume_after={last['id']}"
    assert query, "it was not cut: the test shows nothing"
    assert last["complete"]
    assert [answer["id"] for answer in answered] == list(range(lines))
