"""The servers that are compared: how each is started, and asked."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.server import LOOPBACK, free_port
from tables import REPO

OURS = "veriaidpo"
_HERE = Path(__file__).parent


def _offline(_port: int) -> Mapping[str, str]:
    """Nobody asks a hub, and nobody tells their maker what they load."""
    return {"HF_HUB_OFFLINE": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0", "ORT_DISABLE_TELEMETRY": "1"}


@dataclass(frozen=True, slots=True)
class Peer:
    """One server: `command` and `environment` are given a port, `body` texts."""

    name: str
    what: str
    path: str
    command: Callable[[int], Sequence[str]]
    body: Callable[[Sequence[str]], bytes]
    environment: Callable[[int], Mapping[str, str]] = _offline


def environment_of(room: str) -> Path:
    """Return the folder with the commands of a room's environment, made where it is missing."""
    made = subprocess.run(
        [str(REPO / "hack/env"), room], stdout=subprocess.PIPE, text=True, check=True, cwd=REPO
    )
    return Path(made.stdout.strip()) / "bin"


def serve(revisions: Sequence[Path], port: int) -> list[str]:
    """Return the command of the product's own predictor."""
    return [
        str(environment_of("predictors") / "python"), "-m", "veriaidpo_predictor", "serve",
        *map(str, revisions), "--no-auth", "--host", LOOPBACK, "--port", str(port),
    ]  # fmt: skip


def ours(revision: Path) -> Peer:
    """Return the product's own predictor on a published revision."""
    environment_of("predictors")  # made now, not while it is timed
    return Peer(
        name=OURS,
        what="this predictor, int8",
        path="/v1/models/measured:predict",
        command=lambda port: serve([revision], port),
        body=instances,
    )


def kserve_plain(source: Path) -> Peer:
    """Return KServe's own way, on the weights as they are."""
    python = environment_of("peer-kserve") / "python"
    return Peer(
        name="kserve_plain",
        what="kserve.Model around a transformers pipeline, fp32",
        path="/v1/models/plain:predict",
        command=lambda port: [str(python), str(_HERE / "plain_kserve.py"), str(source), str(port)],
        body=instances,
    )


def infinity(source: Path, work: Path) -> Peer:
    """Return Infinity on ONNX Runtime, with the int8 graph that optimum makes for this processor."""
    commands = environment_of("peer-infinity")
    folder = work / "infinity"
    if not list(folder.glob("*quantized*")):
        maker = [str(commands / "python"), str(_HERE / "infinity_graph.py"), str(source), str(folder)]
        subprocess.run(maker, check=True)
    return Peer(
        name="infinity",
        what="Infinity, ONNX Runtime, optimum's int8",
        path="/classify",
        command=lambda port: [
            # Of a folder it makes paths that optimum looks for below the folder: it has to stand in it.
            "env", f"--chdir={folder}", str(commands / "infinity_emb"), "v2",
            "--engine", "optimum", "--device", "cpu", "--model-id", ".",
            "--served-model-name", "measured", "--no-model-warmup",
            "--no-onnx-do-not-prefer-quantized", "--log-level", "warning",
            "--host", LOOPBACK, "--port", str(port),
        ],
        body=lambda texts: json.dumps({"input": list(texts), "model": "measured"}).encode(),
    )  # fmt: skip


def mlserver(source: Path, work: Path) -> Peer:
    """Return MLServer's runtime for Hugging Face models, as it comes."""
    commands = environment_of("peer-mlserver")
    folder = work / "mlserver"
    folder.mkdir(parents=True, exist_ok=True)
    parameters = {"extra": {"task": "text-classification", "pretrained_model": str(source)}}
    settings = {"name": "measured", "implementation": "mlserver_huggingface.HuggingFaceRuntime"}
    (folder / "model-settings.json").write_text(json.dumps(settings | {"parameters": parameters}))
    return Peer(
        name="mlserver",
        what="MLServer, huggingface runtime, fp32",
        path="/v2/models/measured/infer",
        command=lambda _: [str(commands / "mlserver"), "start", str(folder)],
        body=_v2,
        environment=lambda port: (
            dict(_offline(port))
            | {
                "MLSERVER_HTTP_PORT": str(port),
                "MLSERVER_GRPC_PORT": str(free_port()),
                "MLSERVER_METRICS_PORT": str(free_port()),
                "MLSERVER_METRICS_DIR": str(folder / "metrics"),
            }
        ),
    )


def instances(texts: Sequence[str]) -> bytes:
    """Return the body of a V1 request."""
    return json.dumps({"instances": list(texts)}).encode()


def _v2(texts: Sequence[str]) -> bytes:
    given = {"name": "args", "shape": [len(texts)], "datatype": "BYTES", "data": list(texts)}
    return json.dumps({"inputs": [given]}).encode()
