"""What a predictor says of itself, and the reason in it. The sentences are the predictor's own.

They come as the body of its readiness probe while it runs, among the states of a shared predictor, and as its
termination message when it ended.
"""

import json
import re
from dataclasses import dataclass

from veriaidpo_operator.reasons import Reason


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of asking a predictor pod whether it is ready."""

    said: str = ""
    """Its sentence, where it is not and says why."""
    ready: bool = False
    reached: bool = True
    """Whether somebody was there, be it to refuse the connection."""


# Said by every predictor for a moment: no cause of anything.
PASSING = frozenset({"The model is loading.", "The predictor is stopping."})
GOLDEN = "Golden sentence {number} got {fault}."
DAMAGED = (
    "{name} of revision {digest} is missing.",
    "{name} of revision {digest} has another size than published.",
    "{name} of revision {digest} has another sha256 than published.",
    "{path} is not a published revision: it has no {file}.",
    "{path} is not a manifest of schema version 1: see {where}.",
    "{path} does not carry the digest of its own files.",
)


ENDED = "The predictor ended twice while it loaded this revision, and leaves it alone for an hour."


def _pattern(sentence: str) -> str:
    return re.sub(r"\\\{\w+\\\}", ".+", re.escape(sentence))


_GOLDEN = re.compile(_pattern(GOLDEN))
_DAMAGED = re.compile("|".join(map(_pattern, DAMAGED)))


def cause(said: str) -> Reason | None:
    """Return the reason that a predictor's sentence names, or None when it names none that is known."""
    if _GOLDEN.fullmatch(said):
        return Reason.GOLDEN_SENTENCE_FAILED
    if said == ENDED:
        return Reason.CRASHING
    return Reason.REVISION_DAMAGED if _DAMAGED.fullmatch(said) else None


def last(message: str) -> str:
    """Return the sentence of a termination message: of its JSON, otherwise its last line."""
    lines = message.strip().splitlines()
    if not lines:
        return ""
    try:
        found = json.loads(lines[-1])
    except ValueError:
        return lines[-1]
    return str(found["message"]) if isinstance(found, dict) and "message" in found else lines[-1]
