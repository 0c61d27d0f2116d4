"""Whether an int8 graph may take the place of its original: what is asked, measured and decided."""

from typing import Annotated, Any, Literal

from pydantic import Field

from veriaidpo_predictor.record import Record

Quantization = Literal["none", "int8"]
Share = Annotated[float, Field(ge=0, le=1)]


class Gate(Record):
    """What int8 has to keep.

    `min_agreement` is the share of labels that stay the same. No label may change at all where the original's
    two most probable ones are more than `max_flip_margin` apart.
    """

    min_agreement: Share = 0.99
    max_flip_margin: Share = 0.1


class Figures(Record):
    """The original and the converted graph on the same sentences, each answered alone.

    `labels` is how many were compared: one of each sentence, or one of each word where a model finds spans.
    `flip_margin` is the largest margin of the original where the label changed, `golden_lost` the golden
    sentences that only the original answers rightly. Differences are those of probabilities. `original_f1`
    and `converted_f1` are macro-averages over the labels that the golden sentences name. `speedup` is the
    original's median time of a sentence by the converted one's.
    """

    sentences: Annotated[int, Field(ge=1)]
    labels: Annotated[int, Field(ge=0)]
    agreement: Share
    flip_margin: Share
    max_delta: Share
    mean_delta: Share
    golden_lost: Annotated[int, Field(ge=0)] = 0
    original_f1: Share | None = None
    converted_f1: Share | None = None
    speedup: Annotated[float, Field(ge=0)]


class Conversion(Record):
    """How a conversion ended; a gate that failed means that the original is what is published.

    `message` says why, and `figures` are there unless nothing could be measured.
    """

    quantization: Literal["int8"]
    gate: Literal["Passed", "Failed"]
    required: Gate
    figures: Figures | None = None
    message: Annotated[str, Field(max_length=512)] | None = None


def decide(figures: Figures, gate: Gate) -> str | None:
    """Say what the gate finds wrong, as one sentence; None when the converted graph may be published."""
    if figures.golden_lost:
        return (
            f"int8 answers {figures.golden_lost} golden sentences wrongly that the original answers rightly."
        )
    if figures.agreement < gate.min_agreement:
        return (
            f"int8 keeps {figures.agreement:.4f} of {figures.labels} labels, and "
            f"{gate.min_agreement:g} is asked."
        )
    if figures.flip_margin > gate.max_flip_margin:
        return (
            f"int8 changes a label that the original gives with a margin of {figures.flip_margin:.3f}, and "
            f"{gate.max_flip_margin:g} is allowed."
        )
    return None


def ended(figures: Figures, gate: Gate) -> Conversion:
    """Give the end of a conversion that could be measured."""
    fault = decide(figures, gate)
    return Conversion(
        quantization="int8",
        gate="Failed" if fault else "Passed",
        required=gate,
        figures=figures,
        message=fault,
    )


def failed(gate: Gate, message: str) -> Conversion:
    """Give the end of a conversion that gave nothing to measure."""
    return Conversion(quantization="int8", gate="Failed", required=gate, message=message[:512])


def still_holds(conversion: Conversion, gate: Gate) -> bool:
    """Tell whether another gate would have decided the same."""
    if conversion.figures is None:
        return True
    return (decide(conversion.figures, gate) is None) == (conversion.gate == "Passed")


def told(conversion: Conversion | None) -> dict[str, Any]:
    """Give what a fetch reports of it, as it stands in a Model's status."""
    if conversion is None:
        return {"quantization": "none", "gate": "NotRequested"}
    figures = conversion.figures.model_dump(by_alias=True, exclude_none=True) if conversion.figures else {}
    said = {"message": conversion.message} if conversion.message else {}
    return {"quantization": conversion.quantization, "gate": conversion.gate, **figures, **said}
