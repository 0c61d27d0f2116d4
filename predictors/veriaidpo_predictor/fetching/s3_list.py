"""What an S3 store says that a bucket holds: ListBucketResult, without any entity of anybody's.

What is kept of an answer is bounded by what the protocol allows, and not by how long the answer is.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

from veriaidpo_predictor.fetching.source import PassingError
from veriaidpo_predictor.outcome import FetchError, Reason

_MOST_KEYS = 1_000
_MOST_KEY_BYTES = 1_024
_MOST_TEXT = 8_192  # characters of one element: a store's token may be longer than any key
_MOST_DEPTH = 8
_NOT_S3 = "The store answered something that is not its protocol"


@dataclass
class Page:
    """Keys of one answer, and where the next one begins, if there is one."""

    keys: list[str] = field(default_factory=list)
    following: str = ""


def read(body: bytes) -> Page:
    """Read one page; raises PassingError for anything else, FetchError for more than a page may hold."""
    page, path, text = Page(), list[str](), ""

    def start(name: str, _: object) -> None:
        nonlocal text
        path.append(name)
        text = ""
        _allow(len(path) <= _MOST_DEPTH)

    def go_on(more: str) -> None:
        nonlocal text
        text += more
        _allow(len(text) <= _MOST_TEXT)

    def end(_: str) -> None:
        match path:
            case ["ListBucketResult", "Contents", "Key"]:
                page.keys.append(text)
                _allow(len(page.keys) <= _MOST_KEYS and len(text.encode()) <= _MOST_KEY_BYTES)
            case ["ListBucketResult", "NextContinuationToken"]:
                page.following = text
        if path != ["ListBucketResult"]:
            path.pop()

    def refuse(*_: object) -> None:
        raise PassingError(_NOT_S3)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = go_on
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise PassingError(_NOT_S3) from None
    if path != ["ListBucketResult"]:
        raise PassingError(_NOT_S3)
    return page


def _allow(ok: bool) -> None:
    if not ok:
        raise FetchError(
            Reason.SOURCE_REFUSED, "The store's list of objects is not one that S3's protocol allows."
        )
