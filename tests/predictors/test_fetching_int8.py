"""A fetch that is asked for int8 publishes it when it passes the gate, and the original when it does not."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from veriaidpo_predictor import manifest as manifests
from veriaidpo_predictor import verdict
from veriaidpo_predictor.computing import cpu, runtimes, session, tasks
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.cores import Cores
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.converting import int8_graph
from veriaidpo_predictor.fetching import fetch as fetching
from veriaidpo_predictor.fetching import int8_step
from veriaidpo_predictor.fetching.progress import Progress
from veriaidpo_predictor.fetching.publishing import Result
from veriaidpo_predictor.fetching.source import Listing, Patience, SourceFile
from veriaidpo_predictor.fetching.spec import FetchSpec
from veriaidpo_predictor.outcome import FetchError, Reason
from veriaidpo_predictor.serving.registry import open_models
from veriaidpo_predictor.serving.served import State

REPO = Path(__file__).parents[2]
CATALOGUE = yaml.safe_load((REPO / "charts" / "veriaidpo" / "files" / "catalogue.yaml").read_bytes())
MODELS = {model["name"]: model for model in CATALOGUE["models"]}


class FolderHub:
    """A hub whose only repository is a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.is_away = False
        self.patience = Patience(1)
        self.known = None

    def listing(self) -> Listing:
        if self.is_away:
            raise FetchError(Reason.SOURCE_UNREACHABLE, "Nobody answers.")
        files = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return Listing(
            "a" * 40,
            tuple(
                SourceFile(
                    path.relative_to(self.folder).as_posix(),
                    path.stat().st_size,
                    hashlib.sha256(path.read_bytes()).hexdigest(),
                )
                for path in files
            ),
        )

    @contextmanager
    def bytes_from(self, file: SourceFile, offset: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        self.asked.append(file.path)
        yield offset, iter([(self.folder / file.path).read_bytes()[offset:]])


@pytest.fixture
def hub(tmp_path: Path, demo_models: Path) -> FolderHub:
    """A demonstration model that publishes weights and no graph."""
    shutil.copytree(
        demo_models / "principles-vi", tmp_path / "hub", ignore=shutil.ignore_patterns("onnx", "README.md")
    )
    return FolderHub(tmp_path / "hub")


@pytest.fixture
def fetch(hub: FolderHub, volume: Path) -> Callable[..., Result]:
    volume.mkdir()

    def run(**changes: Any) -> Result:
        model = MODELS["principles-vi"]
        asked = {
            "name": "principles-vi", "modelType": model["modelType"], "language": "vi",
            "labels": model["labels"], "source": {"uri": "hf://demo/principles-vi"},
            "goldenSentences": model["goldenSentences"], "conversion": {"quantization": "int8"},
        } | changes  # fmt: skip
        spec = FetchSpec.model_validate_json(json.dumps(asked))
        return fetching.fetch(spec, root=volume, source=hub, progress=Progress())

    return run


def state_of(directory: Path) -> State:
    """Load a revision as a predictor does, its golden sentences included."""
    pool = Pool(1)
    (model,) = open_models([directory], pool=pool, limits=Limits())
    model.load()
    pool.stop()
    return model.state


def revision(volume: Path, result: Result) -> Path:
    return volume / "models" / "principles-vi" / "revisions" / result.manifest.digest


def test_int8_is_published_with_what_it_was_measured_to_keep(
    fetch: Callable[..., Result], volume: Path
) -> None:
    result = fetch(gateSentences=["Công ty gửi báo cáo.", "Khách hàng đồng ý."])
    made = result.manifest
    assert (result.how, result.warnings, made.format) == ("Published", [], "onnx-int8")
    assert made.recipe == f"onnx-from-safetensors/1+{int8_step.RECIPE}"
    assert made.cpu_class != "any"
    assert made.conversion is not None
    assert made.conversion.gate == "Passed"
    assert made.conversion.figures is not None
    assert made.conversion.figures.sentences == len(MODELS["principles-vi"]["goldenSentences"]) + 2
    assert made.conversion.figures.agreement == 1.0
    assert made.conversion.figures.converted_f1 == 1.0
    assert set(made.source.files or {}) == {"model.safetensors"}
    folder = revision(volume, result)
    manifests.verify(folder, manifests.read(folder))
    assert {path.name for path in folder.iterdir()} >= {"onnx", "manifest.json"}
    assert not (folder / "int8").exists()
    assert state_of(folder) is State.READY


def test_a_revision_made_for_another_processor_is_exact_on_this_one(
    fetch: Callable[..., Result], volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "this", lambda: "x86-64-avx2-avx512-vnni")
    result = fetch()
    made, folder = result.manifest, revision(volume, result)
    monkeypatch.undo()
    task = tasks.of(made.task, made.labels, made.tags)
    rng = np.random.default_rng(6)
    rows = [[int(one) for one in rng.integers(5, 2_000, length)] for length in (9, 60, 200)]
    served = np.stack(list(runtimes.load(folder, made, task, Cores(1))(rows)))
    exact, fast = (
        np.stack(list(session.load(folder, labels=task.width, is_narrow=is_narrow)(rows)))
        for is_narrow in (False, True)
    )
    assert (served == exact).all()
    if cpu.saturates(cpu.this()):
        assert (fast != exact).any()  # what would be served if nobody looked at the class


def test_a_graph_that_was_int8_when_it_was_published_is_computed_exactly(
    fetch: Callable[..., Result], volume: Path, hub: FolderHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "this", lambda: "x86-64-avx2-avx512-vnni")
    shutil.copytree(revision(volume, fetch()) / "onnx", hub.folder / "onnx")
    monkeypatch.setattr(cpu, "this", lambda: "x86-64-avx2")
    result = fetch()
    made, folder = result.manifest, revision(volume, result)
    assert (made.format, made.conversion and made.conversion.gate) == ("onnx-fp32", "Failed")
    asked = spy(monkeypatch)
    runtimes.load(folder, made, tasks.of(made.task, made.labels, made.tags), Cores(1))
    assert asked == {"onnx/model.onnx": False}


def test_the_gate_computes_the_original_exactly_and_what_was_made_as_it_will_be_served(
    fetch: Callable[..., Result], volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "this", lambda: "x86-64-avx2")
    asked = spy(monkeypatch)
    result = fetch()
    assert (asked["onnx/model.onnx"], asked["int8/model.onnx"]) == (False, True)
    made = result.manifest
    runtimes.load(revision(volume, result), made, tasks.of(made.task, made.labels, made.tags), Cores(1))
    assert asked["onnx/model.onnx"]


def spy(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Tell of each graph that is loaded from now on whether it was taken for a narrow one."""
    asked: dict[str, bool] = {}
    load = session.load

    def told(directory: Path, **options: Any) -> session.Session:
        asked[options.get("graph", session.MODEL_FILE)] = options.get("is_narrow", False)
        return load(directory, **options)

    monkeypatch.setattr(session, "load", told)
    return asked


def test_a_second_fetch_adopts_it(fetch: Callable[..., Result], hub: FolderHub) -> None:
    first = fetch()
    hub.asked.clear()
    second = fetch()
    assert (second.how, second.manifest.digest, hub.asked) == ("Adopted", first.manifest.digest, [])


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [(int8_step, "RECIPE", "int8-rows/another"), (cpu, "this", lambda: "another-class")],
)
def test_what_another_version_or_processor_made_is_made_anew_but_serves_while_the_source_is_away(
    fetch: Callable[..., Result],
    hub: FolderHub,
    monkeypatch: pytest.MonkeyPatch,
    place: object,
    name: str,
    value: object,
) -> None:
    first = fetch().manifest.digest
    monkeypatch.setattr(place, name, value)
    hub.is_away = True
    kept = fetch()
    assert (kept.how, kept.manifest.digest) == ("Adopted", first)
    assert "Nobody answers" in str(kept.away)
    assert f"Revision {first[:12]} was made otherwise" in str(kept.away)
    with pytest.raises(FetchError, match="Nobody answers"):
        fetch(conversion={"quantization": "none"})
    hub.is_away = False
    assert fetch().how == "Published"
    hub.is_away = True
    assert fetch().manifest.digest != first, "the one of here and now comes first"


def test_a_published_graph_is_converted_too(
    fetch: Callable[..., Result], hub: FolderHub, demo_models: Path
) -> None:
    shutil.copytree(demo_models / "principles-vi" / "onnx", hub.folder / "onnx")
    made = fetch().manifest
    assert (made.format, made.recipe) == ("onnx-int8", f"onnx-as-published/1+{int8_step.RECIPE}")
    published = hashlib.sha256((hub.folder / "onnx" / "model.onnx").read_bytes()).hexdigest()
    assert made.source.files is not None
    assert made.source.files["onnx/model.onnx"].sha256 == published
    assert made.files["onnx/model.onnx"].sha256 != published


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights whose output channels are one off, as a mistake in the arithmetic could leave them."""
    sound = int8_graph._Rewriting._weight
    monkeypatch.setattr(
        int8_graph._Rewriting, "_weight", lambda self, layer: np.roll(sound(self, layer), 1, axis=1)
    )


@pytest.mark.usefixtures("broken")
def test_a_broken_quantisation_fails_the_gate_and_the_original_is_served(
    fetch: Callable[..., Result], volume: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):  # as the command logs: a failed gate has a message to tell
        result = fetch()
    made = result.manifest
    assert (result.how, made.format) == ("Published", "onnx-fp32")
    assert made.conversion is not None
    assert made.conversion.gate == "Failed"
    assert made.conversion.figures is not None
    assert made.conversion.figures.agreement < 0.99
    assert result.warnings == [made.conversion.message]
    assert verdict.told(made.conversion)["gate"] == "Failed"
    again = fetch()
    assert (again.how, again.manifest.digest, again.warnings) == ("Adopted", made.digest, result.warnings)
    assert state_of(revision(volume, result)) is State.READY


@pytest.mark.usefixtures("broken")
def test_another_gate_on_the_same_figures_may_need_the_other_graph(fetch: Callable[..., Result]) -> None:
    sentences = {
        "goldenSentences": [],
        "gateSentences": [one["text"] for one in MODELS["principles-vi"]["goldenSentences"]],
    }
    assert fetch(**sentences).manifest.format == "onnx-fp32"
    lax = {"quantization": "int8", "gate": {"minAgreement": 0, "maxFlipMargin": 1}}
    gate = verdict.Gate(min_agreement=0, max_flip_margin=1)
    found = fetch(conversion=lax, **sentences)
    assert found.how == "Published"
    assert found.manifest.conversion is not None
    assert (found.manifest.format, found.manifest.conversion.required) == ("onnx-int8", gate)


def test_with_nothing_to_compare_it_on_the_original_is_served(fetch: Callable[..., Result]) -> None:
    result = fetch(goldenSentences=[])
    assert result.manifest.format == "onnx-fp32"
    assert result.warnings == [
        "No int8 graph can be made: there are neither golden nor gate sentences to compare it on."
    ]


def test_unless_it_is_asked_for_nothing_is_converted(fetch: Callable[..., Result]) -> None:
    made = fetch(conversion={}).manifest
    assert (made.format, made.recipe, made.cpu_class) == ("onnx-fp32", "onnx-from-safetensors/1", "any")
    assert made.conversion is None
    assert fetch().manifest.format == "onnx-int8"  # and what is there does not do for one that asks


def test_the_default_gate() -> None:
    gate = verdict.Gate()
    assert (gate.min_agreement, gate.max_flip_margin) == (0.99, 0.1)
