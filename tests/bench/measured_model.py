"""The model that all servers of a comparison serve: PhoBERT-base's size, random weights."""

import json
import os
import subprocess
import time
from pathlib import Path

import httpx
from bench.peers import environment_of
from bench.server import LOOPBACK, free_port
from tables import REPO

NAME = "measured"
LABELS = 8
_FIGURES = REPO / "hack/demo/int8_figures.py"


def source(work: Path) -> Path:
    """Return the repository as its author would publish it, made when it is not there yet."""
    folder = work / "source"
    if not folder.exists():
        python = environment_of("predictors") / "python"
        subprocess.run([str(python), str(_FIGURES), "random", str(folder)], check=True)
    return folder


def revision(folder: Path, work: Path) -> Path:
    """Return the int8 revision that the product's own fetch makes of it, from the demonstration hub."""
    root = work / "volume"
    found = list(root.glob(f"models/{NAME}/revisions/*/manifest.json"))
    if not found:
        _fetch(folder, root)
        found = list(root.glob(f"models/{NAME}/revisions/*/manifest.json"))
    return found[0].parent


def _fetch(folder: Path, root: Path) -> None:
    python = str(environment_of("predictors") / "python")
    port = free_port()
    served = f"bench={folder.parent}"
    hub = subprocess.Popen(
        [python, "-m", "veriaidpo_hub", "--host", LOOPBACK, "--port", str(port), "--root", served],
        cwd=REPO / "hack/hub", stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _until_there(f"http://{LOOPBACK}:{port}/healthz")
        subprocess.run(
            [python, "-m", "veriaidpo_predictor", "fetch", "--spec", "-", "--root", str(root)],
            input=json.dumps(_spec(folder)), text=True, check=True,
            env=os.environ | {"HF_ENDPOINT": f"http://{LOOPBACK}:{port}", "no_proxy": LOOPBACK},
        )  # fmt: skip
    finally:
        hub.terminate()
        hub.wait()


def _spec(folder: Path) -> dict[str, object]:
    """Ask for int8 whatever it changes: with random weights every label hangs on a rounding."""
    texts = json.loads((folder / "texts.json").read_text())
    names = [f"LABEL_{number}" for number in range(LABELS)]
    return {
        "name": NAME,
        "modelType": NAME,
        "language": "vi",
        "labels": [{"id": f"label_{number}", "en": name, "vi": name} for number, name in enumerate(names)],
        "source": {"uri": f"hf://bench/{folder.name}"},
        "conversion": {"quantization": "int8", "gate": {"minAgreement": 0, "maxFlipMargin": 1}},
        "gateSentences": [one["text"] for one in texts[:16]],
    }


def _until_there(url: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(url)
