"""FetchSpec: what a fetch is asked for, as JSON from the operator or from a person."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, ValidationInfo, field_validator

from veriaidpo_predictor.golden import Golden, GoldenSentence, Label, Task, finds_spans, fitting
from veriaidpo_predictor.manifest import ModelName, Runtime, Sha256
from veriaidpo_predictor.outcome import FetchError, Reason
from veriaidpo_predictor.record import Record
from veriaidpo_predictor.verdict import Gate, Quantization

MAX_SPEC_BYTES = 8 << 20


Sentence = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]


class PinnedFile(Record):
    """A file whose sha256 is known before it is fetched."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    sha256: Sha256


class SpecSource(Record):
    """Where to fetch from; `revision` is a branch, a tag or a commit of a hub.

    `endpoint`, `region` and `path_style` (https://store/bucket/key, not https://bucket.store/key) are an S3
    store's; without an endpoint it is Amazon's.
    """

    uri: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    revision: Annotated[
        str, StringConstraints(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._/-]+$")
    ] = "main"
    files: Annotated[tuple[PinnedFile, ...], Field(max_length=256)] = ()
    endpoint: Annotated[str, StringConstraints(max_length=255, pattern=r"^https?://[^/?#@\s]+/?$")] | None = (
        None
    )
    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")] = "us-east-1"
    path_style: bool | None = None


class SpecConversion(Record):
    """What the model is turned into; `gate` decides whether the result is served or what it was made of."""

    format: Literal["onnx"] = "onnx"
    quantization: Quantization = "none"
    gate: Gate = Gate()


class FetchSpec(Record):
    """One model to fetch; `bytes_budget` bounds what its revision may weigh.

    `gate_sentences` are compared together with the golden ones when the model is converted. On the
    `calibration_sentences` it may err: they tell how often it does.
    """

    name: ModelName
    model_type: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
    task: Task = "text-classification"
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=1_024)]
    max_tokens: Annotated[int, Field(ge=8, le=8_192)] = 256
    source: SpecSource
    # What will compute it; for torch the weights are published as they are.
    runtime: Runtime = "onnx"
    conversion: Annotated[SpecConversion, Field(validate_default=True)] = SpecConversion()
    golden_sentences: Annotated[tuple[Golden, ...], Field(max_length=256)] = ()
    gate_sentences: Annotated[tuple[Sentence, ...], Field(max_length=512)] = ()
    calibration_sentences: Annotated[tuple[GoldenSentence, ...], Field(max_length=512)] = ()
    bytes_budget: Annotated[int, Field(gt=0)] | None = None

    @field_validator("golden_sentences")
    @classmethod
    def _golden_fits_the_task(cls, golden: tuple[Golden, ...], info: ValidationInfo) -> tuple[Golden, ...]:
        return fitting(golden, info)

    @field_validator("calibration_sentences")
    @classmethod
    def _labels_are_known(
        cls, sentences: tuple[GoldenSentence, ...], info: ValidationInfo
    ) -> tuple[GoldenSentence, ...]:
        known = {label.id for label in info.data.get("labels", ())}
        if sentences and finds_spans(info):
            raise ValueError("only a model that gives a text one label is calibrated")
        if any(one.label not in known for one in sentences):
            raise ValueError("a calibration sentence has a label that the model lacks")
        return sentences

    @field_validator("conversion")
    @classmethod
    def _conversion_fits_the_runtime(cls, conversion: SpecConversion, info: ValidationInfo) -> SpecConversion:
        if info.data.get("runtime") == "torch" and conversion.quantization != "none":
            raise ValueError("for the runtime torch nothing is converted")
        return conversion


def read(argument: str | None) -> FetchSpec:
    """Read the spec from a file, from stdin (`-`) or from $FETCH_SPEC; raises FetchError(INVALID_SPEC)."""
    try:
        return FetchSpec.model_validate_json(_bytes(argument))
    except OSError as error:
        raise FetchError(Reason.INVALID_SPEC, f"The spec cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise FetchError(Reason.INVALID_SPEC, f"The spec is not valid at {where}: {first['msg']}.") from None


def _bytes(argument: str | None) -> bytes:
    if argument == "-":
        return sys.stdin.buffer.read(MAX_SPEC_BYTES)
    if argument is not None:
        with Path(argument).open("rb") as file:
            return file.read(MAX_SPEC_BYTES)
    given = os.environ.get("FETCH_SPEC")
    if not given:
        raise FetchError(Reason.INVALID_SPEC, "Say what to fetch: --spec FILE, --spec - or $FETCH_SPEC.")
    return given.encode()
