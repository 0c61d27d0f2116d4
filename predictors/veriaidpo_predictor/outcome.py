"""How a process ended: a reason from a fixed list, in the log, the exit code and the termination message.

The reasons are the very strings that become conditions of a Model.
"""

import json
import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

MAX_MESSAGE_BYTES = 4_096  # what Kubernetes keeps of a termination message


class Reason(Enum):
    """FetchError reasons and their exit codes."""

    INTERNAL = ("Internal", 1)
    INVALID_SPEC = ("InvalidSpec", 2)
    SOURCE_UNAUTHORIZED = ("SourceUnauthorized", 11)
    SOURCE_NOT_FOUND = ("SourceNotFound", 12)
    SOURCE_UNREACHABLE = ("SourceUnreachable", 13)
    EMPTY_SOURCE = ("EmptySource", 14)
    CHECKSUM_MISMATCH = ("ChecksumMismatch", 15)
    LABELS_MISMATCH = ("LabelsMismatch", 16)
    OUT_OF_SPACE = ("OutOfSpace", 17)
    UNSUPPORTED_FORMAT = ("UnsupportedFormat", 18)
    SOURCE_REFUSED = ("SourceRefused", 19)
    VOLUME_READ_ONLY = ("VolumeReadOnly", 20)
    SOURCE_BUSY = ("SourceBusy", 21)

    def __init__(self, text: str, exit_code: int) -> None:
        self.text = text
        self.exit_code = exit_code


class FetchError(Exception):
    """The end of a fetch without a revision; the message is one sentence without secrets.

    `retry_after` is how many seconds the source asks to be left alone for.
    """

    def __init__(self, reason: Reason, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after


def message_of(fields: Mapping[str, object]) -> str:
    """One line of JSON of at most 4 KiB; what is too long is cut where it hurts least."""
    body = dict(fields)
    warnings = [str(one)[:200] for one in body.get("warnings") or []]  # type: ignore[attr-defined]
    body |= {"message": str(body.get("message", ""))[:800], "warnings": warnings[:8]}
    while len(line := json.dumps(body, ensure_ascii=False).encode()) > MAX_MESSAGE_BYTES and body["warnings"]:
        body["warnings"] = body["warnings"][:-1]  # type: ignore[index]  # half a line of JSON says nothing
    return line.decode()


def leave_message(line: str) -> None:
    """Write the termination message where Kubernetes reads it; elsewhere there is no such file."""
    path = Path(os.environ.get("TERMINATION_LOG", "/dev/termination-log"))
    try:
        if path.exists() or "TERMINATION_LOG" in os.environ:
            path.write_bytes(line.encode()[:MAX_MESSAGE_BYTES])
    except OSError:
        return
