"""Everything a caller may be told besides an answer: fixed sentences, with no text of a caller in them."""

import json
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status, its sentence and headers; `cause` is what metrics call it."""

    status: int
    cause: str
    sentence: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The only shape of an error: {"error": sentence}."""
        return json.dumps({"error": self.sentence}).encode()


class RefusedError(Exception):
    """Raised by whatever answers a request; carries what the caller is told."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status)
        self.refusal = refusal


BAD_INPUT = Refusal(400, "bad_input", "The input is not what this model takes: see the model's metadata.")
UNAUTHORISED = Refusal(
    401, "unauthorised", "A valid service token for this model is required.", {"www-authenticate": "Bearer"}
)
UNKNOWN_PATH = Refusal(404, "unknown_path", "There is nothing at this path.")
UNKNOWN_MODEL = Refusal(404, "unknown_model", "This predictor does not have that model.")
WRONG_METHOD = Refusal(405, "wrong_method", "This path does not take that method.")
TOO_LARGE = Refusal(413, "too_large", "The body is too large.")
TOO_SLOW = Refusal(408, "too_slow", "The body did not arrive in time.", {"connection": "close"})
LEFT = Refusal(499, "left", "The caller did not wait for the answer.")
"""Which nobody reads; metrics count it."""
FAILED = Refusal(500, "failed", "The model could not compute an answer.")
STUCK = Refusal(503, "stuck", "A run of the engine does not end.")
DEADLINE = Refusal(504, "deadline", "The deadline passed before the model could answer.")


def busy(retry_after: int) -> Refusal:
    """Tell that more is waiting than may; `retry_after` in seconds."""
    return Refusal(503, "queue_full", "The model has too much to do.", {"retry-after": str(retry_after)})


def not_ready(reason: str) -> Refusal:
    """Tell that the model does not answer now; `reason` is one of the registry's sentences."""
    return Refusal(503, "not_ready", reason, {"retry-after": "5"})
