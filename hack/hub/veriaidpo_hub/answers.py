"""What goes back to a client: JSON, an error as the real hub words it, or bytes of a file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Middle:
    """What happens in the middle of a file, at this offset; an answer that begins behind it is a good one."""

    offset: int
    stall_seconds: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class FileBody:
    """Part of an open file: `length` bytes from `start`; `flipped` is the offset of a byte to falsify."""

    file: BinaryIO
    repo: str
    path: str
    start: int
    length: int
    flipped: int | None = None
    middle: Middle | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body. `repo` is set only where the repository exists, so that it may be a label."""

    status: int
    headers: Mapping[str, str]
    body: bytes | FileBody | None = None
    route: str = "unknown"
    repo: str = ""


class HubError(Exception):
    """A refusal; `code` becomes X-Error-Code, which is what clients choose their exception by."""

    def __init__(
        self, status: int, message: str, code: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}

    def answer(self) -> Answer:
        """Make the answer that says so."""
        headers = {**self.headers, "X-Error-Message": _one_line(self.message)}
        if self.code:
            headers["X-Error-Code"] = self.code
        return as_json({"error": self.message}, status=self.status, headers=headers)


def as_json(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a value in JSON."""
    return _whole(json.dumps(value).encode(), "application/json; charset=utf-8", status, headers or {})


def as_text(text: str, content_type: str = "text/plain; charset=utf-8") -> Answer:
    """Answer with plain text."""
    return _whole(text.encode(), content_type, 200, {})


def _whole(body: bytes, content_type: str, status: int, headers: Mapping[str, str]) -> Answer:
    return Answer(status, {**headers, "Content-Type": content_type, "Content-Length": str(len(body))}, body)


def _one_line(text: str) -> str:
    """Safe as a header's value: printable ASCII."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)
