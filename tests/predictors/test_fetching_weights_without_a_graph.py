"""A repository that publishes a tokenizer and model.safetensors, and no graph, is converted and served."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from veriaidpo_predictor import manifest as manifests
from veriaidpo_predictor.fetching import fetch as fetching

REPO = Path(__file__).parents[2]
CATALOGUE = yaml.safe_load((REPO / "charts" / "veriaidpo" / "files" / "catalogue.yaml").read_bytes())
MODELS = {model["name"]: model for model in CATALOGUE["models"]}
DEMO = ("principles-vi", "legal-basis-vi", "principles-en")


@pytest.fixture
def source(tmp_path: Path, demo_models: Path) -> Path:
    """The folder of hub repositories of the owner `demo`: the demonstration models without their graphs."""
    for name in DEMO:
        shutil.copytree(demo_models / name, tmp_path / "hub" / name, ignore=shutil.ignore_patterns("onnx"))
    return tmp_path / "hub"


@pytest.fixture
def hub(source: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "veriaidpo_hub", "--port", "0", "--root", f"demo={source}"],
        env=os.environ | {"PYTHONPATH": str(REPO / "hack" / "hub")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    found = re.search(r"http://[\d.:]+", process.stdout.readline())
    assert found is not None
    reader = threading.Thread(target=process.stdout.read, daemon=True)
    reader.start()  # so that its log never fills the pipe
    yield found[0]
    process.kill()
    process.wait()
    reader.join()
    process.stdout.close()


def spec(name: str = "principles-vi", **changes: Any) -> dict[str, Any]:
    model = MODELS[name]
    return {
        "name": name,
        "modelType": model["modelType"],
        "language": model["language"],
        "labels": model["labels"],
        "source": {"uri": f"hf://demo/{name}"} | changes.pop("source", {}),
        "goldenSentences": model["goldenSentences"],
    } | changes


@pytest.fixture
def fetch(
    volume: Path, hub: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., dict[str, Any]]:
    """Fetch onto a volume; gives the last line, with its exit code."""
    volume.mkdir()
    monkeypatch.setenv("HF_ENDPOINT", hub)

    def run(asked: dict[str, Any], root: Path = volume) -> dict[str, Any]:
        monkeypatch.setenv("FETCH_SPEC", json.dumps(asked))
        code = fetching.run(None, root=root, progress_port=None, attempts=2)
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found | {"code": code}

    return run


def revisions(volume: Path, name: str = "principles-vi") -> list[Path]:
    return sorted((volume / "models" / name / "revisions").glob("*"))


def sent(hub: str, path: str) -> int:
    """Bytes of a file that the hub has sent so far."""
    text = httpx.get(f"{hub}/metrics", trust_env=False).text
    found = re.findall(rf'hub_bytes_sent_total{{[^}}]*path="{re.escape(path)}"[^}}]*}} (\d+)', text)
    return sum(map(int, found))


def test_it_answers_as_the_published_graph_does(
    fetch: Callable[..., dict[str, Any]],
    volume: Path,
    serve: Callable[..., Any],
    publish_to: Callable[..., Path],
    demo_models: Path,
    tmp_path: Path,
) -> None:
    for name in DEMO:
        found = fetch(spec(name))
        assert (found["code"], found["reason"], found["warnings"]) == (0, "Published", [])
    made = [revisions(volume, name)[0] for name in DEMO]
    published = [
        publish_to(
            tmp_path / "published",
            name=name,
            labels=MODELS[name]["labels"],
            goldenSentences=[],
            tokenizer=manifests.read(revision).tokenizer,
            content={
                path.relative_to(demo_models / name).as_posix(): path.read_bytes()
                for path in sorted((demo_models / name).rglob("*"))
                if path.is_file() and path.suffix not in {".safetensors", ".md"}
            },
        )
        for name, revision in zip(DEMO, made, strict=True)
    ]
    ours, theirs = serve(*made, "--no-auth"), serve(*published, "--no-auth")
    ours.until_ready()  # each golden sentence got its label
    theirs.until_ready()
    with ours.client() as one, theirs.client() as other:
        for name in DEMO:
            texts = [golden["text"] for golden in MODELS[name]["goldenSentences"]]
            path, body = f"/v1/models/{name}:predict", {"instances": [*texts, " ".join(texts)]}
            answers, expected = (
                client.post(path, json=body).json()["predictions"] for client in (one, other)
            )
            for answer, wanted in zip(answers, expected, strict=True):
                assert answer.pop("probabilities") == pytest.approx(wanted.pop("probabilities"), abs=1e-4)
            assert answers == expected


def test_the_manifest_says_what_was_made_of_what(
    fetch: Callable[..., dict[str, Any]], volume: Path, source: Path
) -> None:
    found = fetch(spec())
    (revision,) = revisions(volume)
    body = json.loads((revision / "manifest.json").read_bytes())
    assert (body["recipe"], body["format"]) == ("onnx-from-safetensors/1", "onnx-fp32")
    weights = (source / "principles-vi" / "model.safetensors").read_bytes()
    assert body["source"]["files"] == {
        "model.safetensors": {"sha256": hashlib.sha256(weights).hexdigest(), "size": len(weights)}
    }
    assert sorted(body["files"]) == [
        "bpe.codes", "config.json", "labels.json", "onnx/model.onnx", "onnx/model.onnx_data",
        "tokenizer_config.json", "vocab.txt",
    ]  # fmt: skip
    there = {path.relative_to(revision).as_posix() for path in revision.rglob("*") if path.is_file()}
    assert there == {*body["files"], "manifest.json"}
    canonical = {
        "cpuClass": "any",
        "files": {path: entry["sha256"] for path, entry in body["files"].items()},
        "recipe": "onnx-from-safetensors/1",
    }
    digest = hashlib.sha256(json.dumps(canonical, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    assert digest == revision.name == found["digest"]
    manifests.verify(revision, manifests.read(revision))
    assert found["bytesDownloaded"] == sum(
        (source / "principles-vi" / path).stat().st_size
        for path in [*body["source"]["files"], *body["files"]]
        if not path.startswith("onnx/")
    )


def test_another_volume_gets_the_same_digest(fetch: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    assert fetch(spec())["digest"] == fetch(spec(), tmp_path / "another")["digest"]


def test_what_is_there_is_adopted(fetch: Callable[..., dict[str, Any]], hub: str, volume: Path) -> None:
    first = fetch(spec())
    before = sent(hub, "model.safetensors")
    again = fetch(spec(source={"revision": first["commit"]}))
    assert (again["reason"], again["digest"], again["bytesDownloaded"]) == ("Adopted", first["digest"], 0)
    assert fetch(spec())["reason"] == "Adopted"
    assert sent(hub, "model.safetensors") == before > 0


def test_a_pin_of_the_weights_holds(fetch: Callable[..., dict[str, Any]], source: Path) -> None:
    right = hashlib.sha256((source / "principles-vi" / "model.safetensors").read_bytes()).hexdigest()

    def pinned(sha256: str) -> dict[str, Any]:
        return spec(source={"files": [{"path": "model.safetensors", "sha256": sha256}]})

    assert fetch(pinned("0" * 64))["reason"] == "ChecksumMismatch"
    assert fetch(pinned(right))["reason"] == "Published"
    assert fetch(pinned(right))["reason"] == "Adopted"
    assert fetch(pinned("0" * 64))["reason"] == "ChecksumMismatch"


def test_for_torch_the_weights_are_published_as_they_are_also_beside_a_graph(
    fetch: Callable[..., dict[str, Any]], hub: str, volume: Path, source: Path, demo_models: Path
) -> None:
    graphed = fetch(spec())
    shutil.copytree(demo_models / "principles-vi" / "onnx", source / "principles-vi" / "onnx")
    found = fetch(spec(runtime="torch"))
    assert (found["reason"], found["format"]) == ("Published", "torch-fp32")
    assert sent(hub, "onnx/model.onnx") == 0
    revision = volume / "models" / "principles-vi" / "revisions" / found["digest"]
    body = json.loads((revision / "manifest.json").read_bytes())
    assert body["recipe"] == "safetensors-as-published/1"
    assert sorted(body["files"]) == [
        "bpe.codes", "config.json", "labels.json", "model.safetensors", "tokenizer_config.json", "vocab.txt",
    ]  # fmt: skip
    manifests.verify(revision, manifests.read(revision))
    assert found["digest"] != graphed["digest"]
    assert fetch(spec(runtime="torch"))["reason"] == "Adopted"  # not the one with a graph


def test_for_torch_nothing_is_converted_and_weights_are_needed(
    fetch: Callable[..., dict[str, Any]], source: Path
) -> None:
    refused = fetch(spec(runtime="torch", conversion={"quantization": "int8"}))
    assert (refused["reason"], "nothing is converted" in refused["message"]) == ("InvalidSpec", True)
    (source / "principles-vi" / "model.safetensors").rename(source / "principles-vi" / "model.bin")
    refused = fetch(spec(runtime="torch"))
    assert refused["reason"] == "UnsupportedFormat"
    assert refused["message"] == "The source has no model.safetensors; never fetched: model.bin (a pickle)."


def test_a_published_graph_is_taken_as_it_is(
    fetch: Callable[..., dict[str, Any]], hub: str, volume: Path, source: Path, demo_models: Path
) -> None:
    shutil.copytree(demo_models / "principles-vi" / "onnx", source / "principles-vi" / "onnx")
    assert fetch(spec())["reason"] == "Published"
    (revision,) = revisions(volume)
    found = manifests.read(revision)
    assert (found.recipe, found.source.files) == ("onnx-as-published/1", None)
    assert sent(hub, "model.safetensors") == 0


def test_pickles_are_left_where_they_are(
    fetch: Callable[..., dict[str, Any]], hub: str, source: Path
) -> None:
    (source / "principles-vi" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert fetch(spec())["reason"] == "Published"
    assert sent(hub, "pytorch_model.bin") == 0
    (source / "principles-vi" / "model.safetensors").unlink()
    found = fetch(spec())
    assert (found["code"], found["reason"]) == (18, "UnsupportedFormat")
    assert sent(hub, "pytorch_model.bin") == 0


def test_weights_in_several_files_are_not_supported(
    fetch: Callable[..., dict[str, Any]], source: Path
) -> None:
    folder = source / "principles-vi"
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    found = fetch(spec())
    assert (found["code"], found["reason"]) == (18, "UnsupportedFormat")
    assert "its weights are in several files" in found["message"]


def test_a_network_that_is_not_known_is_told_before_its_weights_are_fetched(
    fetch: Callable[..., dict[str, Any]], hub: str, source: Path
) -> None:
    path = source / "principles-vi" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"model_type": "deberta-v2"}))
    found = fetch(spec())
    assert (found["code"], found["reason"]) == (18, "UnsupportedFormat")
    assert "none can be made: config.json says something else than is known at model_type" in found["message"]
    assert sent(hub, "model.safetensors") == 0


def test_a_tensor_that_is_wrong_is_named_and_nothing_is_published(
    fetch: Callable[..., dict[str, Any]], volume: Path, source: Path
) -> None:
    path = source / "principles-vi" / "model.safetensors"
    path.write_bytes(path.read_bytes().replace(b"classifier.dense.bias", b"classifier.dense.bais"))
    found = fetch(spec())
    assert (found["code"], found["reason"]) == (18, "UnsupportedFormat")
    assert found["message"].endswith("the tensor classifier.dense.bias is missing.")
    assert revisions(volume) == []


def test_a_budget_counts_what_is_made_too(
    fetch: Callable[..., dict[str, Any]], hub: str, source: Path, volume: Path
) -> None:
    """What is fetched fits exactly; the operators of the graph are more than the weights' header was."""
    weights = (source / "principles-vi" / "model.safetensors").stat().st_size
    rest = sum(path.stat().st_size for path in (source / "principles-vi").glob("[bcltv]*"))
    found = fetch(spec(bytesBudget=weights + rest))
    assert (found["code"], found["reason"]) == (17, "OutOfSpace")
    assert sent(hub, "model.safetensors") == weights
    assert revisions(volume) == []


def test_without_the_onnx_package_the_sentence_says_what_to_install(
    fetch: Callable[..., dict[str, Any]], hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    found = fetch(spec())
    assert (found["code"], found["reason"]) == (18, "UnsupportedFormat")
    assert "veriaidpo-predictor[convert]" in found["message"]
    assert sent(hub, "model.safetensors") == 0


def test_killed_while_it_converts_it_goes_on_with_the_weights_it_has(
    fetch: Callable[..., dict[str, Any]], hub: str, volume: Path
) -> None:
    """The process dies in the middle of the file of matrices, as of a lack of memory."""
    code = (
        "import os, signal, sys\n"
        "from veriaidpo_predictor.converting import convert\n"
        "from veriaidpo_predictor.fetching import fetch\n"
        "from veriaidpo_predictor.converting import graph_parts\n"
        "count = 0\n"
        "turned = graph_parts.Parts._turned\n"
        "def dying(self, name, shape):\n"
        "    global count\n"
        "    count += 1\n"
        "    if count == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return turned(self, name, shape)\n"
        "graph_parts.Parts._turned = dying\n"
        "from pathlib import Path\n"
        "fetch.run(None, root=Path(sys.argv[1]), progress_port=None, attempts=1)\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", code, str(volume)],
        env=os.environ | {"FETCH_SPEC": json.dumps(spec())},
        capture_output=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    assert [path.name for path in volume.rglob("model.onnx*")] == ["model.onnx_data"]
    before = sent(hub, "model.safetensors")
    found = fetch(spec())
    assert (found["code"], found["reason"], found["bytesDownloaded"]) == (0, "Published", 0)
    assert sent(hub, "model.safetensors") == before
    (revision,) = revisions(volume)
    manifests.verify(revision, manifests.read(revision))


def test_memory_does_not_grow_with_the_model(tmp_path: Path) -> None:
    """240 MB of weights; what is added at the peak is a few matrices and not the model."""
    code = (REPO / "tests" / "predictors" / "converting_something_large.py").read_text()
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(REPO / "hack" / "demo")},
        capture_output=True,
        text=True,
        check=True,
    )
    weights, before, after = map(int, found.stdout.split())
    assert weights > 200 << 20
    assert after - before < 64 << 20
