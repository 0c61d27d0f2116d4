"""What is left behind of each answer for its decision record; it is written down later."""

import time
from collections.abc import Sequence

from veriaidpo_gateway.classification.answers import Asked, needs_review
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.models.inference import Inference
from veriaidpo_gateway.records.answered import Answered, Said
from veriaidpo_gateway.records.recorder import Recorder

Decision = tuple[Asked, Inference, bool]
"""What was asked, what the model said, and whether the cache had it."""


def record(
    recorder: Recorder | None, request_id: str, caller: Caller, decision: Decision, item: int | None = None
) -> None:
    """Record one answer; `item` says which of a batch, from 1."""
    if recorder is not None:
        recorder.add(_answered(request_id, item, caller, decision[0], [_said(decision)]))


def record_together(
    recorder: Recorder | None, request_id: str, caller: Caller, decisions: Sequence[Decision]
) -> None:
    """Record what several models said of one text, in one record; nothing when none of them answered."""
    if recorder is not None and decisions:
        said = [_said(decision) for decision in decisions]
        recorder.add(_answered(request_id, None, caller, decisions[0][0], said, every=True))


def _answered(
    request_id: str,
    item: int | None,
    caller: Caller,
    asked: Asked,
    said: Sequence[Said],
    *,
    every: bool = False,
) -> Answered:
    text = asked.text
    return Answered(
        time.time(), request_id, item, caller, asked.model.language, text.version, text.text, said, every
    )


def _said(decision: Decision) -> Said:
    asked, inference, cached = decision
    return Said(asked.model, inference, cached, needs_review(asked.model, inference))
