"""A model of PhoBERT-base's size with random weights, on the demonstration hub, in two revisions."""

import json
import os
import random
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..e2e.cluster import NAMESPACE, REPO, kubectl, run
from ..e2e.models import hub_arguments, sample, source
from ..e2e.traffic import Question

NAME = "large-vi"
SECOND = "v2"
_HUB = "deployment/veriaidpo-hub"
_WORK = Path(os.environ.get("BENCH_WORK", REPO / "build/bench"))
_WORDS, _LENGTH = 64_001, 30
_TO_SECOND = """
import os, pathlib, shutil
first, second = pathlib.Path("/bench/large"), pathlib.Path("/bench/.coming")
shutil.copytree(first, second)
with (second / "model.safetensors").open("r+b") as file:
    file.seek(-4000, os.SEEK_END)
    file.write(bytes(4000))
second.rename("/bench/large@v2")
"""
"""Other weights in the last layer, so another revision with other answers."""


def resource() -> dict[str, Any]:
    """Return the Model: int8 whatever that changes, as with random weights labels hang on a rounding."""
    config = json.loads((_published() / "config.json").read_text())
    names = [config["id2label"][str(number)] for number in range(len(config["id2label"]))]
    return sample(
        NAME,
        source=source("bench/large"),
        labels=[{"id": f"label_{number}", "en": name, "vi": name} for number, name in enumerate(names)],
        storage={"create": {"size": "4Gi"}},
        conversion={
            "quantization": "int8",
            "gate": {"minAgreement": 0, "maxFlipMargin": 1},
            "gateSentences": [_text(random.Random(number)) for number in range(16)],
        },
    )


def mixed(questions: Sequence[Question], *, every: int, senders: int) -> list[Question]:
    """Return the questions again and again with one to the large model in so many, none of those twice.

    No category is right: the weights are random. Whoever sends them asks each as one of `senders` tenants.
    """
    chance = random.Random(0)
    found: list[Question] = []
    for number in range(900 * 8 // senders):
        if number % every == 0:
            body = {"text": _text(chance), "model_type": "large", "language": "vi"}
            found.append(Question(body, None))
        else:
            found.append(questions[number % len(questions)])
    return found


def _text(chance: random.Random) -> str:
    return " ".join(f"w{chance.randrange(4, _WORDS)}" for _ in range(_LENGTH))


def _published() -> Path:
    """Return the repository as its author would publish it, made when it is not there yet: 540 MB."""
    folder = _WORK / "source"
    if not folder.exists():
        _WORK.mkdir(parents=True, exist_ok=True)
        python = run(str(REPO / "hack/env"), "predictors", timeout=600).strip() + "/bin/python"
        run(python, str(REPO / "hack/demo/int8_figures.py"), "random", str(folder), timeout=300)
    return folder


@contextmanager
def on_the_hub() -> Iterator[None]:
    """Have the demonstration hub serve it as bench/large, with another branch, while the block runs."""
    room = {
        "volumes": [{"name": "bench", "emptyDir": {}}],
        "containers": [{"name": "hub", "volumeMounts": [{"name": "bench", "mountPath": "/bench"}]}],
    }
    kubectl("patch", _HUB, "--type=strategic", "-p", json.dumps({"spec": {"template": {"spec": room}}}))
    try:
        with hub_arguments("--root=bench=/bench"):
            _upload(_published())
            kubectl("exec", _HUB, "--", "python", "-c", _TO_SECOND, timeout=300)
            yield
    finally:
        gone = ("/spec/template/spec/volumes", "/spec/template/spec/containers/0/volumeMounts")
        kubectl(
            "patch", _HUB, "--type=json", "-p", json.dumps([{"op": "remove", "path": path} for path in gone])
        )


def _upload(folder: Path) -> None:
    opened = "tarfile.open(fileobj=sys.stdin.buffer, mode='r|')"
    unpack = f"import sys, tarfile; {opened}.extractall('/bench', filter='data')"
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for file in sorted(folder.iterdir()):
                if file.name != "texts.json":
                    archive.add(file, f"large/{file.name}")
        packed.seek(0)
        command = ["kubectl", "--namespace", NAMESPACE, "exec", "-i", _HUB, "--", "python", "-c", unpack]
        subprocess.run(command, stdin=packed, check=True, timeout=300)
