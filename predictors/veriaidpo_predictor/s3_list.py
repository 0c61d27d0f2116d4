"""What an S3 store says that a bucket holds: ListBucketResult, without any entity of anybody's."""

from dataclasses import dataclass, field
from xml.parsers import expat

from veriaidpo_predictor.source import PassingError

_NOT_S3 = "The store answered something that is not its protocol"


@dataclass
class Page:
    """Keys of one answer, and where the next one begins, if there is one."""

    keys: list[str] = field(default_factory=list)
    following: str = ""


def read(body: bytes) -> Page:
    """Read one page; raises PassingError for anything else."""
    page, path, text = Page(), list[str](), list[str]()

    def start(name: str, _: object) -> None:
        path.append(name)
        text.clear()

    def end(_: str) -> None:
        match path:
            case ["ListBucketResult", "Contents", "Key"]:
                page.keys.append("".join(text))
            case ["ListBucketResult", "NextContinuationToken"]:
                page.following = "".join(text)
        if path != ["ListBucketResult"]:
            path.pop()

    def refuse(*_: object) -> None:
        raise PassingError(_NOT_S3)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise PassingError(_NOT_S3) from None
    if path != ["ListBucketResult"]:
        raise PassingError(_NOT_S3)
    return page
