"""The samples, as the operator reads them: each source and each feature has one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from veriaidpo_operator.api import Spec

SAMPLES = sorted((Path(__file__).parents[2] / "manifests/samples").glob("*.yaml"))


def models() -> Iterator[tuple[str, Spec]]:
    for path in SAMPLES:
        for body in yaml.safe_load_all(path.read_text()):
            if body["kind"] == "Model":
                yield f"{path.stem}: {body['metadata']['name']}", Spec.model_validate(body["spec"])


SHOWN: dict[str, Callable[[Spec], bool]] = {
    "a list beside the files": lambda spec: spec.source.uri.endswith("/SHA256SUMS"),
    "files by their digests": lambda spec: spec.source.scheme == "https" and bool(spec.source.files),
    "a store inside": lambda spec: spec.source.endpoint is not None,
    "authSecret": lambda spec: spec.source.auth_secret is not None,
    "caBundle": lambda spec: spec.source.ca_bundle is not None,
    "shared": lambda spec: spec.serving.placement == "shared",
    "torch": lambda spec: spec.serving.runtime == "torch",
    "int8 with a gate": lambda spec: (
        spec.conversion.quantization == "int8" and bool(spec.conversion.gate_sentences)
    ),
    "calibration": lambda spec: bool(spec.conversion.calibration_sentences),
    "threshold": lambda spec: spec.threshold is not None,
    "golden sentences": lambda spec: bool(spec.serving.golden_sentences),
    "pinned": lambda spec: spec.pinned_revision is not None,
    "a claim of one's own": lambda spec: spec.storage.claim_name is not None,
    "scaled by somebody else": lambda spec: spec.serving.autoscaler == "external",
    "autoscaled": lambda spec: (spec.serving.max_replicas or 1) > spec.serving.min_replicas,
}


@pytest.mark.parametrize("what", SHOWN)
def test_each_feature_has_a_sample(what: str) -> None:
    assert [name for name, spec in models() if SHOWN[what](spec)]


def test_each_source_has_a_sample() -> None:
    assert {spec.source.scheme for _, spec in models()} == {"hf", "https", "s3", "gs", "pvc"}


def test_all_of_them_may_be_applied_side_by_side() -> None:
    found = list(models())
    assert len({name for name, _ in found}) == len(found)
    asked = [(spec.model_type, spec.language) for _, spec in found]
    assert len(set(asked)) == len(asked), "two Models of one type and language are one too many for a gateway"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_each_begins_by_saying_what_it_shows(path: Path) -> None:
    assert path.read_text().startswith("# ")
