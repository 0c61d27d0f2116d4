"""What a model says of its tags, what a revision records of it, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from veriaidpo_predictor import labels, manifest
from veriaidpo_predictor.fetching import spec
from veriaidpo_predictor.golden import GoldenSpan, GoldenSpans, Label
from veriaidpo_predictor.outcome import FetchError, Reason

COMPANY = Label(id="company", en="Company name", vi="Tên công ty")
PERSON = Label(id="person", en="Person", vi="Cá nhân")
EXPECTED = (COMPANY, PERSON)
Publish = Callable[..., Path]


@pytest.fixture
def tags_of(tmp_path: Path) -> Callable[..., Any]:
    def read(*names: str) -> Any:
        (tmp_path / "config.json").write_text(json.dumps({"id2label": dict(enumerate(names))}))
        assert labels.check(tmp_path / "config.json", EXPECTED, "token-classification") == []
        return labels.tags(tmp_path / "config.json", EXPECTED, "token-classification")

    return read


def test_the_order_is_the_models_own_and_the_names_are_ids(tags_of: Callable[..., Any]) -> None:
    assert tags_of("i-person", "B-COMPANY", "O", "B-Cá nhân", "I-company name") == (
        "I-person",
        "B-company",
        "O",
        "B-person",
        "I-company",
    )


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["O", "B-COMPANY", "I-COMPANY"], "The model has no tag B-person."),
        (["B-COMPANY", "I-COMPANY", "B-PERSON", "I-PERSON"], "The model has no tag O."),
        (["O", "B-COMPANY", "I-COMPANY", "B-PERSON", "I-PERSON", "B-BANK"], "Tag 5 of the model is 'B-BANK'"),
        (["O", "B-COMPANY", "I-COMPANY", "B-PERSON", "I-PERSON", "S-PERSON"], "is 'S-PERSON', neither O nor"),
        (["O", "COMPANY", "PERSON", "I-COMPANY", "I-PERSON"], "Tag 1 of the model is 'COMPANY'"),
        (
            ["O", "B-COMPANY", "I-COMPANY", "B-PERSON", "I-PERSON", "o"],
            "Two of the model's tags mean the same.",
        ),
    ],
)
def test_tags_that_are_not_those_of_the_labels_are_refused(
    tags_of: Callable[..., Any], names: list[str], sentence: str
) -> None:
    with pytest.raises(FetchError, match=sentence) as refused:
        tags_of(*names)
    assert refused.value.reason is Reason.LABELS_MISMATCH


@pytest.mark.parametrize("first", ["O", "LABEL_0"])
def test_generic_names_are_refused_with_the_reason_why(tags_of: Callable[..., Any], first: str) -> None:
    with pytest.raises(
        FetchError, match="generic names, so nobody can tell which of them begins a span"
    ) as no:
        tags_of(first, "LABEL_1", "LABEL_2", "LABEL_3", "LABEL_4")
    assert no.value.reason is Reason.LABELS_MISMATCH


def test_a_classifier_has_no_tags_and_may_have_generic_names(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}')
    assert labels.tags(tmp_path / "config.json", EXPECTED, "text-classification") is None
    assert len(labels.check(tmp_path / "config.json", EXPECTED)) == 1


def test_a_manifest_keeps_the_order_of_the_tags_through_its_json(
    volume: Path, publish_tagger: Publish
) -> None:
    read = manifest.read(publish_tagger(volume))
    assert read.tags == ("B-person", "I-person", "O", "I-company", "B-company", "B-address", "I-address")
    again = manifest.Manifest.model_validate_json(manifest.encode(read)).model_copy(update={"sha256": None})
    assert again == read
    assert again.golden_sentences[0] == GoldenSpans(
        text="Hòa Phát lưu dữ liệu.", spans=(GoldenSpan(start=0, end=8, label="company"),)
    )


def test_the_manifest_of_a_classifier_does_not_mention_tags(revision: Path) -> None:
    read = manifest.read(revision)
    assert read.tags is None
    assert b'"tags"' not in manifest.encode(read)


TEXT = "Hòa Phát"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"tags": None}, "tags"),
        ({"tags": ["O", "B-company", "I-company"]}, "tags"),
        ({"tags": ["O", "O", "B-company", "I-company", "B-person", "I-person", "B-address"]}, "tags"),
        ({"task": "text-classification", "goldenSentences": []}, "tags"),
        ({"goldenSentences": [{"text": TEXT, "label": "company"}]}, "goldenSentences"),
        (
            {"goldenSentences": [{"text": TEXT, "spans": [{"start": 0, "end": 9, "label": "company"}]}]},
            "golden",
        ),
        (
            {"goldenSentences": [{"text": TEXT, "spans": [{"start": 3, "end": 3, "label": "company"}]}]},
            "golden",
        ),
        ({"goldenSentences": [{"text": TEXT, "spans": [{"start": 0, "end": 8, "label": "bank"}]}]}, "golden"),
        (
            {
                "goldenSentences": [
                    {
                        "text": TEXT,
                        "spans": [
                            {"start": 0, "end": 5, "label": "company"},
                            {"start": 4, "end": 8, "label": "company"},
                        ],
                    }
                ]
            },
            "golden",
        ),
    ],
)
def test_a_manifest_whose_tags_or_golden_sentences_do_not_fit_is_not_read(
    volume: Path, publish_tagger: Publish, changes: dict[str, Any], where: str
) -> None:
    with pytest.raises(manifest.ManifestError, match=f"see {where}"):
        manifest.read(publish_tagger(volume, **changes))


def asked(**changes: Any) -> str:
    return json.dumps(
        {
            "name": "company-normalizer-vi",
            "modelType": "company_normalizer",
            "language": "vi",
            "task": "token-classification",
            "labels": [label.model_dump(exclude_none=True) for label in EXPECTED],
            "source": {"uri": "hf://somebody/normalizer"},
            "goldenSentences": [{"text": TEXT, "spans": [{"start": 0, "end": 8, "label": "company"}]}],
        }
        | changes
    )


def test_a_spec_may_ask_for_golden_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FETCH_SPEC", asked())
    (golden,) = spec.read(None).golden_sentences
    assert isinstance(golden, GoldenSpans)
    assert golden.spans[0].label == "company"


@pytest.mark.parametrize(
    "changes",
    [
        {"goldenSentences": [{"text": TEXT, "label": "company"}]},
        {"task": "text-classification"},
        {"goldenSentences": [{"text": TEXT, "spans": [{"start": 0, "end": 8, "label": "bank"}]}]},
    ],
)
def test_a_spec_with_golden_sentences_of_the_other_task_is_invalid(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.setenv("FETCH_SPEC", asked(**changes))
    with pytest.raises(FetchError, match=r"not valid at goldenSentences: .*golden sentence") as refused:
        spec.read(None)
    assert refused.value.reason is Reason.INVALID_SPEC
