"""Bytes of a file as an answer: whole, a range of them, or the news that the client has them already."""

import os
from collections.abc import Mapping
from typing import BinaryIO
from urllib.parse import quote

from veriaidpo_hub import ranges
from veriaidpo_hub.answers import Answer, FileBody, HubError
from veriaidpo_hub.faults import Faults
from veriaidpo_hub.repositories import HubFile, Stamp


def answer(
    repo: str,
    file: HubFile,
    asked: Mapping[str, str],
    *,
    extra: Mapping[str, str],
    head: bool,
    faults: Faults,
) -> Answer:
    """Answer GET or HEAD of a file; `asked` are the request's headers, `extra` more for the answer.

    Raises HubError: 416, or 503 while the file is being changed.
    """
    headers = {**extra, "ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"}
    if _names(asked.get("if-none-match"), file.etag):
        return Answer(304, headers)
    span = None if head else _span(file, asked, headers)
    headers |= {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(file.path.rpartition('/')[2])}",
        "Content-Length": str(span.length if span else file.size),
    }
    if head:
        return Answer(200, headers)
    if span:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{file.size}"
    start, length = (span.start, span.length) if span else (0, file.size)
    name = f"{repo}/{file.path}"
    flipped = file.size // 2 if name in faults.flips else None
    middle = faults.middle(name, file.size)
    body = FileBody(_opened(file), repo, file.path, start, length, flipped=flipped, middle=middle)
    return Answer(206 if span else 200, headers, body)


def _span(file: HubFile, asked: Mapping[str, str], headers: Mapping[str, str]) -> ranges.Span | None:
    if "if-range" in asked and not _names(asked["if-range"], file.etag):
        return None  # the file is another one by now: all of it
    try:
        return ranges.parse(asked.get("range"), file.size)
    except ranges.UnsatisfiableError:
        message = "The range is not satisfiable."
        raise HubError(416, message, headers={**headers, "Content-Range": f"bytes */{file.size}"}) from None


def _names(tags: str | None, etag: str) -> bool:
    """Whether a list of entity tags holds this one."""
    wanted = {f'"{etag}"', "*"}
    return tags is not None and any(tag.strip().removeprefix("W/") in wanted for tag in tags.split(","))


def _opened(file: HubFile) -> BinaryIO:
    """Open the very bytes that were announced; 503 when they have changed since they were listed."""
    changing = HubError(503, "The file is being changed.", headers={"Retry-After": "1"})
    try:
        opened = file.location.open("rb")
    except FileNotFoundError:
        raise changing from None
    if Stamp.of(os.fstat(opened.fileno())) != file.stamp:
        opened.close()
        raise changing
    return opened
