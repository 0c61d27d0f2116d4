"""`make demo` as a person uses it: it serves, it says what is wrong, and it leaves nothing running."""

import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ..integration.otlp_receiver import Receiver, Span, receiving

REPO = Path(__file__).resolve().parents[2]
ROLES = ("STAFF", "AUDITOR", "DPO", "COMPLIANCE_MANAGER", "ADMIN", "VIEWER")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(port: int, state: Path, *more: str) -> list[str]:
    return [str(REPO / "hack/demo/run"), "--port", str(port), "--state", str(state), *more]


@pytest.fixture(scope="module")
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, collector: Receiver
) -> Iterator[tuple[subprocess.Popen[str], Path, int]]:
    state, port = tmp_path_factory.mktemp("demo"), free_port()
    output = state / "output"
    with output.open("w") as file:
        # As `make demo &` of a script does: what it starts ignores Ctrl-C unless it asks for it.
        ignoring = ["bash", "-c", 'trap "" INT; exec "$@"', "bash", *command(port, state)]
        process = subprocess.Popen(
            ignoring,
            stdout=file,
            text=True,
            env=os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
        )
    deadline = time.monotonic() + 170
    while not (state / "env").exists() or "VIEWER" not in (state / "env").read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield process, state, port
    if process.poll() is None:
        process.kill()


def environment(state: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (state / "env").read_text().splitlines())


def children(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in found.stdout.split()]


def test_it_serves_and_says_how_to_ask(served: tuple[subprocess.Popen[str], Path, int]) -> None:
    _, state, port = served
    env = environment(state)
    assert env["VERIAIDPO_URL"] == f"http://127.0.0.1:{port}"
    assert stat.S_IMODE((state / "env").stat().st_mode) == 0o600
    assert {f"VERIAIDPO_TOKEN_{role}" for role in ROLES} < env.keys()
    answers = {
        role: httpx.post(
            f"{env['VERIAIDPO_URL']}/api/v1/veriaidpo/classify",
            json={"text": "Shopee VN thu thập email khách hàng"},
            headers={"Authorization": f"Bearer {env[f'VERIAIDPO_TOKEN_{role}']}"},
            trust_env=False,
        ).status_code
        for role in ROLES
    }
    allowed = {"STAFF", "DPO", "COMPLIANCE_MANAGER", "ADMIN"}
    assert answers == {role: 200 if role in allowed else 403 for role in ROLES}


def test_gateway_and_predictor_tell_one_trace(
    served: tuple[subprocess.Popen[str], Path, int], collector: Receiver
) -> None:
    _, state, port = served
    answer = httpx.post(
        f"http://127.0.0.1:{port}/classify",
        json={"text": "Bà Trần Thị Bích đồng ý nhận thư quảng cáo."},
        headers={
            "Authorization": f"Bearer {environment(state)['VERIAIDPO_TOKEN_STAFF']}",
            "X-Request-Id": "one-of-both",
        },
        trust_env=False,
    )
    assert answer.status_code == 200

    def of_this_request(spans: list[Span]) -> dict[str, Span]:
        named = {span.trace for span in spans if span.attributes.get("veriaidpo.request_id") == "one-of-both"}
        return {span.name: span for span in spans if span.trace in named}

    both = {"POST classify", "infer principles-vi"}
    found = of_this_request(collector.until(lambda spans: both <= of_this_request(spans).keys()))
    above = {span.name: next((one.name for one in found.values() if one.id == span.parent), None)
             for span in found.values()}  # fmt: skip
    way = ("authenticate", "normalise", "cache", "predict")
    assert above == {
        "POST classify": None,
        **dict.fromkeys(way, "POST classify"),
        "infer principles-vi": "predict",
        **dict.fromkeys(("tokenise", "queue", "infer"), "infer principles-vi"),
    }
    assert found["infer"].service == "veriaidpo-predictor"
    assert "Bích".encode() not in collector.raw


def test_a_port_in_use_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(command(port, tmp_path, "--once"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
    assert "PORT=" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_demo_in_the_same_folder_is_refused(
    served: tuple[subprocess.Popen[str], Path, int],
) -> None:
    _, state, _ = served
    done = subprocess.run(command(free_port(), state, "--once"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Another demo" in done.stderr


def test_ctrl_c_leaves_nothing_running(served: tuple[subprocess.Popen[str], Path, int]) -> None:
    # The last test of this file: it ends what the others used.
    process, state, port = served
    started = children(process.pid)
    assert len(started) == 3  # hub, predictor, gateway
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)
    assert not (state / "env").exists()
    assert not (state / "service-key.pem").exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)


def test_what_was_downloaded_is_found_again(
    served: tuple[subprocess.Popen[str], Path, int],
) -> None:
    process, state, _ = served
    assert process.poll() is not None
    done = subprocess.run(
        command(free_port(), state, "--once"),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 bytes downloaded") == 12
    assert done.stdout.count("  ✓ ") == 12
