"""The hub as a process on loopback, and the two that talk to it: the real client, and plain HTTP."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "hack" / "hub"


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class HubProcess:
    """A hub that runs; `log` is what it wrote to stderr so far."""

    process: subprocess.Popen[bytes]
    port: int
    log_file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def get(self, target: str, method: str = "GET", **headers: str) -> Response:
        """One request; underscores in header names become dashes."""
        connection = self.connect()
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, headers=sent)
            answer = connection.getresponse()
            return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def counter(self, name: str, **labels: str) -> int:
        """The sum of a counter over all series that have these labels."""
        total = 0
        for line in self.get("/metrics").body.decode().splitlines():
            series, _, value = line.rpartition(" ")
            if series.startswith(name + "{"):
                found = dict(re.findall(r'(\w+)="([^"]*)"', series))
                total += int(value) if labels.items() <= found.items() else 0
        return total

    def comes_to(self, expected: int, name: str, **labels: str) -> bool:
        """Whether a counter reaches a number and stays: what is written is counted after it has gone out."""
        deadline = time.monotonic() + 10
        while self.counter(name, **labels) < expected and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.counter(name, **labels) == expected

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=10)


@dataclass(slots=True)
class HubStarter:
    tmp_path: Path
    running: list[HubProcess] = field(default_factory=list)

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "veriaidpo_hub", *options]

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PACKAGE),
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }

    def __call__(self, *options: str, port: int = 0, **environment: str) -> HubProcess:
        number = len(self.running)
        port_file, log = self.tmp_path / f"port-{number}", self.tmp_path / f"log-{number}"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                self.command("--port", str(port), "--port-file", str(port_file), *options),
                env=self.environment(**environment),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        hub = HubProcess(process, 0, log)
        self.running.append(hub)
        hub.port = int(self._content(port_file, hub))
        return hub

    @staticmethod
    def _content(port_file: Path, hub: HubProcess) -> str:
        deadline = time.monotonic() + 30
        while not port_file.exists():
            assert hub.process.poll() is None, hub.log
            assert time.monotonic() < deadline, "the hub did not start"
            time.sleep(0.01)
        return port_file.read_text(encoding="ascii")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[HubStarter]:
    """Starts hubs with given options on a free port, and stops them after the test."""
    starter = HubStarter(tmp_path)
    yield starter
    for hub in starter.running:
        if hub.process.poll() is None:
            hub.process.kill()
            hub.process.wait()


Write = Callable[[Path, Mapping[str, bytes]], None]


@pytest.fixture
def write() -> Write:
    """Writes files into a folder, by path."""

    def write(folder: Path, files: Mapping[str, bytes]) -> None:
        for path, content in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    return write


@pytest.fixture
def model() -> dict[str, bytes]:
    """A model repository; only the graph counts as large. No two stretches of the graph are alike."""
    graph = b"".join(number.to_bytes(4, "big") for number in range(1 << 18))  # 1 MiB
    return {
        "README.md": "# Mô hình thử\n".encode(),
        "config.json": b'{"model_type": "roberta"}\n',
        "onnx/model.onnx": graph,
        "tokenizer/vocab.txt": b"a\nb\n",
    }


@pytest.fixture
def models(tmp_path: Path, write: Write, model: dict[str, bytes]) -> Path:
    """A folder of one owner with one repository, `small`."""
    root = tmp_path / "models"
    write(root / "small", model)
    return root


@pytest.fixture
def hub(start: HubStarter, models: Path) -> HubProcess:
    """A public hub that serves `models` as the owner `acme`."""
    return start("--root", f"acme={models}")


@pytest.fixture
def free_port() -> int:
    """A port that was free a moment ago, for a hub whose address has to be known beforehand."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Client:
    """The real client, with a home of its own for each test."""

    home: Path

    def start(self, hub: str, call: str, *, token: str = "", **arguments: Any) -> subprocess.Popen[str]:
        self.home.mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "HF_HOME": str(self.home),
            "HF_ENDPOINT": hub,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            **({"HF_TOKEN": token} if token else {}),
        }
        command = [sys.executable, str(HERE / "client.py"), json.dumps([call, arguments])]
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE)

    @staticmethod
    def outcome(process: subprocess.Popen[str]) -> dict[str, Any]:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        outcome: dict[str, Any] = json.loads(out)
        return outcome

    def __call__(self, hub: HubProcess, call: str, **arguments: Any) -> Any:
        """The result of HfApi().call(...); an error fails the test."""
        outcome = self.outcome(self.start(hub.url, call, **arguments))
        assert "error" not in outcome, outcome
        return outcome["result"]

    def error(self, hub: HubProcess, call: str, **arguments: Any) -> dict[str, Any]:
        """The error of HfApi().call(...): its class, HTTP status and message."""
        outcome = self.outcome(self.start(hub.url, call, **arguments))
        assert "result" not in outcome, outcome
        return outcome


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path / "home")
