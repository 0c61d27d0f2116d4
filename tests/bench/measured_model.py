"""The model that all servers of a comparison serve: PhoBERT-base's size, random weights."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import httpx
from bench.peers import environment_of
from bench.server import LOOPBACK, free_port
from tables import REPO

NAME = "measured"
LAYERS = 12
_FIGURES = REPO / "hack/demo/int8_figures.py"


def source(work: Path, *, layers: int = LAYERS) -> Path:
    """Return the repository as its author would publish it, made when it is not there yet."""
    folder = work / ("source" if layers == LAYERS else f"source-{layers}")
    if not folder.exists():
        python = environment_of("predictors") / "python"
        subprocess.run([str(python), str(_FIGURES), "random", str(folder), str(layers)], check=True)
    return folder


def revision(folder: Path, work: Path, *, quantization: str = "int8") -> Path:
    """Return the revision that the product's own fetch makes of it, from the demonstration hub.

    One that is there and is what the fetch would make today is taken as it is.
    """
    root = work / ("volume" if quantization == "int8" else f"volume-{quantization}")
    told = work / "fetched.json"
    told.touch()
    _fetch(_spec(folder, quantization), root, hub=folder.parent, told=told)
    digest: str = json.loads(told.read_text())["digest"]
    return root / "models" / NAME / "revisions" / digest


def copy(revision: Path, root: Path, name: str) -> Path:
    """Publish the same bytes as a model of another name; its digest stays, since the name is not in it.

    The sum of the manifest goes: it has the name in it, and one without is served as well.
    """
    folder = root / "models" / name / "revisions" / revision.name
    shutil.copytree(revision, folder)
    file = folder / "manifest.json"
    file.chmod(0o644)
    manifest = json.loads(file.read_text()) | {"model": name}
    del manifest["sha256"]
    file.write_text(json.dumps(manifest))
    return folder


def _fetch(spec: dict[str, object], root: Path, *, hub: Path, told: Path) -> None:
    python = str(environment_of("predictors") / "python")
    port = free_port()
    hub_there = {"HF_ENDPOINT": f"http://{LOOPBACK}:{port}", "no_proxy": LOOPBACK}
    server = subprocess.Popen(
        [python, "-m", "veriaidpo_hub", "--host", LOOPBACK, "--port", str(port), "--root", f"bench={hub}"],
        cwd=REPO / "hack/hub", stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _until_there(f"http://{LOOPBACK}:{port}/healthz")
        subprocess.run(
            [python, "-m", "veriaidpo_predictor", "fetch", "--spec", "-", "--root", str(root)],
            input=json.dumps(spec), text=True, check=True,
            env=os.environ | hub_there | {"TERMINATION_LOG": str(told)},
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait()


def _spec(folder: Path, quantization: str) -> dict[str, object]:
    """Ask for int8 whatever it changes: with random weights every label hangs on a rounding."""
    texts = json.loads((folder / "texts.json").read_text())
    config = json.loads((folder / "config.json").read_text())
    names = [config["id2label"][str(number)] for number in range(len(config["id2label"]))]
    conversion = {"quantization": "int8", "gate": {"minAgreement": 0, "maxFlipMargin": 1}}
    return {
        "name": NAME,
        "modelType": NAME,
        "language": "vi",
        "labels": [{"id": f"label_{number}", "en": name, "vi": name} for number, name in enumerate(names)],
        "source": {"uri": f"hf://bench/{folder.name}"},
        "gateSentences": [one["text"] for one in texts[:16]],
        **({"conversion": conversion} if quantization == "int8" else {}),
    }


def _until_there(url: str) -> None:
    end = time.monotonic() + 180
    while time.monotonic() < end:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(url)
