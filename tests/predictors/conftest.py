"""A model small enough to be written here: its answer is the label whose words a text has most of."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
import numpy as np
import onnx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from onnx import TensorProto, helper, numpy_helper

from veriaidpo_predictor import manifest as manifests
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving.registry import Registry, open_models
from veriaidpo_predictor.serving.served import State

LABELS = (
    {"id": "consent", "en": "Consent", "vi": "Sự đồng ý"},
    {"id": "contract", "en": "Contract", "vi": "Hợp đồng"},
    {"id": "duty", "en": "Duty", "vi": "Nghĩa vụ"},
)
WORDS = ("agree", "consent", "contract", "order", "law", "tax", "the", "a", "customer", "data")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
GOLDEN = (
    {"text": "The customer does agree and consent.", "label": "consent"},
    {"text": "A contract, an order.", "label": "contract"},
)


def graph(labels: int = len(LABELS)) -> bytes:
    """Mean of the words' scores, as an ONNX graph with the inputs of a BERT."""
    scores = np.zeros((len(SPECIAL) + len(WORDS), labels), dtype=np.float32)
    for index in range(6):
        scores[len(SPECIAL) + index, index // 2 % labels] = 8.0
    nodes = [
        helper.make_node("Gather", ["scores", "input_ids"], ["found"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["found", "wide"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "first"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["wide", "first"], ["count"], keepdims=0),
        helper.make_node("Div", ["sum", "count"], ["logits"]),
    ]
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    out = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", labels])]
    constants = [
        numpy_helper.from_array(scores, "scores"),
        numpy_helper.from_array(np.array([2]), "last"),
        numpy_helper.from_array(np.array([1]), "first"),
    ]
    made = helper.make_model(
        helper.make_graph(nodes, "tiny", ids, out, constants), opset_imports=[helper.make_opsetid("", 17)]
    )
    made.ir_version = 8
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString())


def files(labels: tuple[dict[str, str], ...] = LABELS) -> dict[str, bytes]:
    """The repository of the tiny model."""
    config = {"id2label": {str(i): label["en"] for i, label in enumerate(labels)}, "pad_token_id": 0}
    return {
        "config.json": json.dumps(config).encode(),
        "tokenizer_config.json": json.dumps({"do_lower_case": True}).encode(),
        "vocab.txt": "\n".join([*SPECIAL, *WORDS]).encode() + b"\n",
        "onnx/model.onnx": graph(len(labels)),
    }


def publish(root: Path, *, name: str = "tiny-en", **changes: Any) -> Path:
    """Lay a revision of the tiny model on a volume, by hand and not by the code under test."""
    content: dict[str, bytes] = changes.pop("content", None) or files()
    entries = {
        path: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for path, data in content.items()
    }
    digest = manifests.digest_of(
        {path: str(e["sha256"]) for path, e in entries.items()}, recipe="onnx-as-published/1"
    )
    directory = root / "models" / name / "revisions" / digest
    for path, data in content.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)
    body = {
        "schemaVersion": 1,
        "model": name,
        "modelType": "tiny",
        "language": "en",
        "task": "text-classification",
        "source": {"uri": "hf://somebody/tiny", "revision": "main", "commit": "a" * 40},
        "recipe": "onnx-as-published/1",
        "cpuClass": "any",
        "format": "onnx-fp32",
        "maxTokens": 256,
        "labels": LABELS,
        "files": entries,
        "tokenizer": "wordpiece",
        "goldenSentences": GOLDEN,
        "digest": digest,
        "createdAt": "2026-11-23T00:00:00Z",
    }
    (directory / "manifest.json").write_text(json.dumps(body | changes))
    return directory


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    return tmp_path / "volume"


@pytest.fixture
def revision(volume: Path) -> Path:
    return publish(volume)


@pytest.fixture(scope="session")
def publish_to() -> Callable[..., Path]:
    return publish


@pytest.fixture(scope="session")
def repository() -> Callable[..., dict[str, bytes]]:
    return files


@dataclass(frozen=True)
class Gateway:
    """Holds the private key that signs service tokens."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def token(self, model: str = "tiny-en", **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": "veriaidpo-gateway", "aud": model, "iat": now, "exp": now + 60} | changes
        payload = json.dumps({k: v for k, v in claims.items() if v is not None}).encode()
        return jwt.PyJWS().encode(payload, self.key, algorithm="ES256")


@pytest.fixture(scope="session")
def gateway() -> Gateway:
    return Gateway()


@dataclass
class Process:
    """A running `veriaidpo-predictor serve`."""

    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, **options)

    def until_ready(self, path: str = "/v2/health/ready", status: int = 200) -> httpx.Response:
        """Ask until the answer is `status`; the process ending before that is a failure."""
        end = time.monotonic() + 240  # seconds on a machine at rest; it may be anything but
        with self.client() as client:
            while time.monotonic() < end:
                assert self.process.poll() is None, self.log.read_text()
                try:
                    found = client.get(path)
                except httpx.TransportError:
                    found = None
                if found is not None and found.status_code == status:
                    return found
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    """Start `serve` with the given arguments on loopback."""
    started: list[Process] = []

    def start(*arguments: str | Path, environment: dict[str, str] | None = None) -> Process:
        port = free_port()
        log = tmp_path_factory.mktemp("serve") / "log"
        command = [sys.executable, "-m", "veriaidpo_predictor", "serve", *map(str, arguments)]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port)],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | (environment or {}),
            )
        started.append(Process(process, f"http://127.0.0.1:{port}", log))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture(scope="session")
def demo_models() -> Path:
    return Path(__file__).parents[2] / "hack" / "demo" / "models"


@pytest.fixture
def registry(revision: Path) -> Registry:
    """A model that says it is ready and computes nothing: what stands before it is tried."""
    pool = Pool(1)
    models = open_models([revision], pool=pool, limits=Limits())
    models[0].state, models[0].reason = State.READY, ""
    pool.stop()
    return Registry(models)
