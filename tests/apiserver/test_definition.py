"""What the definition of Models takes, and what it refuses with which sentence."""

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from veriaidpo_operator.__main__ import main

from .conftest import REPO
from .kubectl import Json, Namespace, eventually, kubectl, model

DEFINITION = REPO / "charts/veriaidpo/crds/models.yaml"
LABELS = [{"id": "a", "en": "A", "vi": "A"}, {"id": "b", "en": "B", "vi": "B"}]
SOURCE = {"uri": "hf://owner/repo"}


def golden(*sentences: Json) -> Json:
    return {"goldenSentences": list(sentences)}


def tagger(span: Json) -> Json:
    return model(task="token-classification", serving=golden({"text": "xin", "spans": [span]}))


def named(name: str) -> Json:
    return model(name, source=SOURCE)


def calibration(label: str) -> Json:
    return {"calibrationSentences": [{"text": "Xin chào", "label": label}]}


@pytest.mark.parametrize(
    "body",
    [
        named("a"),
        named("x" * 40),
        model(
            task="token-classification",
            serving={
                "goldenSentences": [
                    {"text": "Xin chào", "spans": [{"start": 4, "end": 8, "label": "b"}]},
                    {"text": "Không có tên", "spans": []},
                ]
            },
        ),
        model(storage={"claimName": "shared"}),
        model(storage={"create": {"size": "500Mi", "storageClassName": "fast"}, "reclaimPolicy": "Delete"}),
        model(source={**SOURCE, "revision": "feature/x", "authSecret": {"name": "hub"}}),
        model(source={**SOURCE, "files": [{"path": "onnx/model.onnx", "sha256": "0" * 64}]}),
        model(
            serving={
                "minReplicas": 2,
                "maxReplicas": 2,
                "resources": {"limits": {"cpu": "1500m", "memory": 1}},
            }
        ),
        model(source={"uri": "https://example.org:8443/models/tiny/SHA256SUMS", "caBundle": {"name": "ca"}}),
        model(
            source={"uri": "s3://bucket/a/b", "endpoint": "https://minio:9000", "authSecret": {"name": "s"}}
        ),
        model(source={"uri": "gs://bucket"}),
        model(source={"uri": "pvc://shared-models/principles/v1"}),
        model(serving={"goldenSentences": [{"text": "Xin chào", "label": "b"}]}, threshold=0.6),
        model(download={"backoffLimit": 0, "activeDeadlineSeconds": 60}, suspend=True, aliases=["p"]),
        model(pinnedRevision="0123456789ab", serving={"progressDeadlineSeconds": 30}),
        model(conversion={"quantization": "int8", "gateSentences": ["Một câu."]}),
        model(conversion={"gateSentences": ["ữ" * 390] * 512}),
        model(conversion={"calibrationSentences": [{"text": "ữ" * 390, "label": "b"}] * 512}),
        model(serving={"runtime": "torch"}, conversion={"quantization": "none"}),
        model(serving={"autoscaler": "external"}),
        model(serving={"placement": "shared"}, storage={"claimName": "common"}),
    ],
)
def test_taken(namespace: Namespace, body: Json) -> None:
    namespace.apply(body)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (named("x" * 41), "at most 40 characters"),
        (model(serving={"runtime": "tensorflow"}), "spec.serving.runtime"),
        (model(serving={"runtime": "torch"}, conversion={"quantization": "int8"}), "nothing is converted"),
        (named("shared-models"), "a predictor of several Models"),
        (model(serving={"placement": "shared"}), "shared needs storage.claimName"),
        (
            model(serving={"placement": "shared", "runtime": "torch"}, storage={"claimName": "common"}),
            "a predictor of its own",
        ),
        (named("a.b"), "lower case letters, digits"),
        (named("1a"), "starting with a letter"),
        (model(source={"uri": "http://example.org/model/"}), "spec.source.uri"),
        (model(source={"uri": "https://user:secret@example.org/"}), "spec.source.uri"),
        (model(source={"uri": "file:///etc"}), "spec.source.uri"),
        (model(source={"uri": "s3://bucket/../x"}), "'..' may not be part"),
        (model(source={"uri": "pvc://claim/../x"}), "'..' may not be part"),
        (model(source={"uri": "s3://bucket", "endpoint": "https://u:p@store"}), "spec.source.endpoint"),
        (model(source={"uri": "hf://owner"}), "spec.source.uri"),
        (model(source={"uri": "hf://owner/repo/../x"}), "spec.source.uri"),
        (model(source={**SOURCE, "revision": "a..b"}), "'..' is not part"),
        (model(source={**SOURCE, "files": [{"path": "../x", "sha256": "0" * 64}]}), "path"),
        (model(source={**SOURCE, "files": [{"path": "a/../x", "sha256": "0" * 64}]}), "'..' may not be part"),
        (model(source={**SOURCE, "files": [{"path": "a", "sha256": "0"}]}), "sha256"),
        (model(labels=LABELS[:1]), "at least 2 items"),
        (model(labels=[LABELS[0], LABELS[0]]), "every id may be there once only"),
        (model(modelType="Principles"), "spec.modelType"),
        (model(language="vie"), "spec.language"),
        (model(task="poetry"), "spec.task"),
        (model(threshold=1.5), "spec.threshold"),
        (model(storage={"claimName": "a", "create": {}}), "not both"),
        (model(storage={"create": {"size": "lots"}}), "size"),
        (model(storage={"create": {"accessModes": ["ReadOnlyMany"]}}), "accessModes"),
        (model(serving={"minReplicas": 3, "maxReplicas": 2}), "may not be above maxReplicas"),
        (model(serving={"minReplicas": 0}), "minReplicas"),
        (model(serving={"goldenSentences": [{"text": "x", "label": "c"}]}), "has to be the id of one of"),
        (model(serving=golden({"text": "x"})), "either the label or the spans"),
        (model(serving=golden({"text": "x", "label": "a", "spans": []})), "either the label or the spans"),
        (model(serving=golden({"text": "x", "spans": []})), "text-classification wants a label"),
        (
            model(task="token-classification", serving=golden({"text": "x", "label": "a"})),
            "token-classification wants spans",
        ),
        (tagger({"start": 0, "end": 1, "label": "c"}), "has to be the id of one of"),
        (tagger({"start": 1, "end": 1, "label": "a"}), "start has to be before end"),
        (model(pinnedRevision="0123456789a"), "spec.pinnedRevision"),
        (model(pinnedRevision="v1"), "spec.pinnedRevision"),
        (model(serving={"progressDeadlineSeconds": 1}), "progressDeadlineSeconds"),
        (model(conversion={"quantization": "int4"}), "spec.conversion.quantization"),
        (model(conversion={"gate": {"minAgreement": 1.5}}), "minAgreement"),
        (model(conversion=calibration("c")), "has to be the id of one of spec.labels"),
        (model(conversion=calibration("a"), task="token-classification"), "task text-classification"),
        (model(conversion=calibration("a"), serving={"runtime": "torch"}), "nothing is calibrated"),
        (
            model(conversion={"gateSentences": ["ữ" * 4000] * 50, **calibration("a")}),
            "200000 characters together",
        ),
        (model(conversion={"gateSentences": ["ữ" * 4000] * 50 + ["x"]}), "200000 characters together"),
        (model(conversion={"gateSentences": ["a" * 4000] * 512}), "200000 characters together"),
        (model(conversion={"gateSentences": ["ữ" * 4000] * 512}), "entity too large"),
        (model(surprise=True), "surprise"),
    ],
)
def test_refused_with_a_sentence(namespace: Namespace, body: Json, sentence: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        namespace.apply(body)
    assert sentence in refused.value.stderr


def test_the_source_of_a_model_cannot_be_changed(namespace: Namespace) -> None:
    namespace.apply(named("a"))
    with pytest.raises(subprocess.CalledProcessError) as refused:
        namespace.apply(model("a", source={"uri": "hf://owner/another"}))
    assert "make another Model" in refused.value.stderr


@pytest.fixture
def older_definition(cluster: None) -> Iterator[Callable[[], None]]:
    """Give the cluster the definition as it was without the rule on names; return what brings today's."""
    today = yaml.safe_load(DEFINITION.read_text())
    schema = today["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    rules = schema["x-kubernetes-validations"]
    schema["x-kubernetes-validations"] = [rule for rule in rules if "shared-" not in rule["rule"]]
    assert len(schema["x-kubernetes-validations"]) == len(rules) - 1

    def define(text: str) -> None:
        kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    define(json.dumps(today))
    yield lambda: define(DEFINITION.read_text())
    define(DEFINITION.read_text())


def is_taken(namespace: Namespace, body: Json, *more: str) -> bool:
    command = ("apply", "--server-side", "--field-manager=test", *more, "-f", "-")
    try:
        namespace.kubectl(*command, stdin=json.dumps(body))
    except subprocess.CalledProcessError as refused:
        if "a predictor of several Models" not in refused.stderr:
            raise
        return False
    return True


def test_a_model_older_than_the_rule_on_its_name_goes_on(
    namespace: Namespace, older_definition: Callable[[], None]
) -> None:
    old, new = named("shared-old"), named("shared-new") | {"status": {"progress": "1%"}}
    told = {**{key: old[key] for key in ("apiVersion", "kind", "metadata")}, "status": {"progress": "1%"}}
    eventually("the older definition holds", lambda: is_taken(namespace, old))
    older_definition()
    eventually("today's holds", lambda: not is_taken(namespace, new, "--dry-run=server"))
    assert is_taken(namespace, told, "--subresource=status")
    assert namespace.get("model", "shared-old")["status"]["progress"] == "1%"
    assert is_taken(namespace, named("shared-old") | {"spec": {**old["spec"], "suspend": True}})
    assert not is_taken(namespace, new)


def test_defaults_are_written_out(namespace: Namespace) -> None:
    namespace.apply(named("a"))
    spec: dict[str, Any] = namespace.get("model", "a")["spec"]
    assert (spec["task"], spec["maxTokens"], spec["source"]["revision"]) == (
        "text-classification",
        256,
        "main",
    )
    assert spec["storage"] == {"reclaimPolicy": "Retain"}
    assert spec["serving"] == {
        "placement": "own",
        "minReplicas": 1,
        "autoscaler": "cpu",
        "progressDeadlineSeconds": 300,
        "runtime": "onnx",
    }
    gate = {"minAgreement": 0.99, "maxFlipMargin": 0.1}
    assert spec["conversion"] == {"format": "onnx", "quantization": "none", "gate": gate}


def test_people_find_it_by_its_short_name_and_its_category(namespace: Namespace) -> None:
    namespace.apply(named("a"))
    for word in ("vmodel", "veriaidpo"):
        header = namespace.kubectl("get", word).splitlines()[0].split()
        assert " ".join(header) == "NAME READY REASON TYPE LANG REVISION PROGRESS SERVABLE AGE"
    wide = namespace.kubectl("get", "vmodel", "-o", "wide").splitlines()[0].split()
    assert wide[-4:] == ["URL", "FORMAT", "CLAIM", "MESSAGE"]


def test_fields_explain_themselves(cluster: None) -> None:
    assert "Another source is another Model" in kubectl("explain", "models.spec.source.uri")


def test_crd_apply_brings_the_definition_up_to_date(
    cluster: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crd", "apply", str(DEFINITION)]) == 0
    assert capsys.readouterr().out == "models.veriaidpo.verisyntra.vn is up to date\n"
