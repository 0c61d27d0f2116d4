"""As a process: it says where it is, stops when told to, and says in one sentence why it cannot start."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.conftest import HubProcess, HubStarter


def run(start: HubStarter, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command, env = start.command(*options), start.environment(**environment)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)


def test_it_is_healthy(hub: HubProcess) -> None:
    assert hub.get("/healthz").status == 200


def test_it_is_healthy_without_a_token(start: HubStarter, models: Path) -> None:
    hub = start("--root", f"acme={models}", "--token", "env", HUB_TOKEN="hf_x")
    assert hub.get("/healthz").status == hub.get("/metrics").status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_even_in_mid_download(
    start: HubStarter, models: Path, number: signal.Signals
) -> None:
    hub = start("--root", f"acme={models}", "--rate", "1000")  # a quarter of an hour for this file
    connection = hub.connect()
    connection.request("GET", "/acme/small/resolve/main/onnx/model.onnx")
    connection.getresponse().read(50)
    assert hub.stop(number) == 0
    assert "Traceback" not in hub.log
    connection.close()


def test_it_says_where_it_is(start: HubStarter, models: Path) -> None:
    process = subprocess.Popen(
        start.command("--root", f"acme={models}", "--port", "0"),
        env=start.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    process.terminate()
    process.communicate()
    assert re.fullmatch(r"veriaidpo-hub: serving acme at http://127\.0\.0\.1:[0-9]+\n", line)


def test_a_port_in_use_is_one_sentence(start: HubStarter, hub: HubProcess, models: Path) -> None:
    done = run(start, "--root", f"acme={models}", "--port", str(hub.port))
    assert done.returncode == 2
    assert done.stderr == f"veriaidpo-hub: port {hub.port} of 127.0.0.1 is in use.\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--root", "acme=/nowhere/at/all"], "there is no folder /nowhere/at/all."),
        (["--root", "acme={models}", "--root", "acme={models}"], "--root names the owner acme twice."),
        (["--root", "acme={models}", "--token", "env"], "--token env: it is empty."),
        (["--root", "acme={models}", "--token", "/nowhere"], "/nowhere: No such file or directory."),
    ],
)
def test_what_it_cannot_start_with_is_one_sentence(
    start: HubStarter, models: Path, options: list[str], sentence: str
) -> None:
    done = run(start, "--port", "0", *(option.format(models=models) for option in options))
    assert (done.returncode, done.stderr) == (2, f"veriaidpo-hub: {sentence}\n")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--root", "models"],
        ["--root", "api=."],
        ["--root", "a/b=."],
        ["--root", "acme=.", "--rate", "0"],
        ["--root", "acme=.", "--port", "70000"],
        ["--root", "acme=.", "--flip", "acme/small"],
        ["--root", "acme=.", "--gated", "small"],
    ],
)
def test_options_that_make_no_sense_are_refused(start: HubStarter, options: list[str]) -> None:
    done = run(start, *options)
    assert done.returncode == 2
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_each_request_is_one_line_without_secrets(start: HubStarter, models: Path) -> None:
    hub = start("--root", f"acme={models}", "--token", "env", HUB_TOKEN="hf_right")
    target = "http://user:hf_inurl@host/acme/small/resolve/main/config.json?token=hf_inquery"
    hub.get(target, Authorization="Bearer hf_right", Range="bytes=0-4")
    hub.get("/api/models/acme/small", Authorization="Bearer hf_wrong")
    # A line is written when its answer is through, which a client may know first; no stop waits for it.
    deadline = time.monotonic() + 10
    while hub.log.count("\n") < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    hub.stop()
    # Two connections: which line is through first, nobody promises.
    first, second = sorted(hub.log.splitlines(), key=lambda line: "401" in line)
    assert "GET /acme/small/resolve/main/config.json 206 5 bytes" in first
    assert "bytes=0-4" in first
    assert "GET /api/models/acme/small 401 " in second
    assert "hf_" not in hub.log


def test_a_request_cannot_write_into_the_log(hub: HubProcess) -> None:
    with socket.create_connection(("127.0.0.1", hub.port)) as connection:
        connection.sendall(b"GET /\x1b[2Jforged\x85line HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while connection.recv(4096):
            pass
    hub.stop()
    assert len(hub.log.splitlines()) == 1
    assert "\x1b" not in hub.log


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET http://[/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"404"),
        (b"GET /a/b/resolve/c/d?%ff=%00 HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", b"501"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
    ],
)
def test_what_is_not_http_is_told_so_and_hung_up_on(hub: HubProcess, raw: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as connection:
        connection.sendall(raw)
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # it does not wait for all that was being said
            while part := connection.recv(65536):
                answer += part
    assert answer.split()[1] == status
    assert hub.get("/healthz").status == 200
    assert "Traceback" not in hub.log


def test_a_body_is_not_taken_for_the_next_request(hub: HubProcess) -> None:
    smuggled = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(smuggled)
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as connection:
        connection.sendall(head + smuggled)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    assert answer.count(b"HTTP/1.1 ") == 1
