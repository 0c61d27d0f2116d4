"""What the condition Converted says of a conversion and its gate. Pure."""

from typing import Literal

from veriaidpo_operator.reasons import Reason
from veriaidpo_operator.recorded import ConversionStatus
from veriaidpo_operator.sentences import Phrase, Sentences

Truth = Literal["True", "False", "Unknown"]
Said = tuple[Truth, str, str]


def said(found: ConversionStatus | None, say: Sentences) -> Said:
    """Return the condition of what the fetch reported; one that reported nothing was asked for nothing.

    A gate that failed makes it False and nothing else: the model is served as it was published.
    """
    if found is None or found.gate == "NotRequested":
        return "True", Reason.NOT_REQUESTED, say(Reason.NOT_REQUESTED)
    facts = {"quantization": found.quantization, "figures": figures(found, say)}
    if found.gate == "Passed":
        return "True", Reason.CONVERTED, say(Reason.CONVERTED, **facts)
    return "False", Reason.GATE_FAILED, say(Reason.GATE_FAILED, detail=found.message or "", **facts)


def figures(found: ConversionStatus, say: Sentences) -> str:
    """Return what was measured, in words; a figure that was not measured is left out."""
    measured = (
        (Phrase.AGREEMENT, found.agreement, ".2%"),
        (Phrase.MOST_DIFFERENT, found.max_delta, ".4f"),
        (Phrase.MEAN_DIFFERENCE, found.mean_delta, ".4f"),
        (Phrase.AS_FAST, found.speedup, ".2f"),
    )
    parts = [say(what, figure=format(figure, form)) for what, figure, form in measured if figure is not None]
    return ", ".join(parts) or say(Phrase.NOTHING_MEASURED)
