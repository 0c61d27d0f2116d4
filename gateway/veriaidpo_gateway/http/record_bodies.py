"""What callers ask for and get of decision records."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from veriaidpo_gateway.classification.bodies import Body
from veriaidpo_gateway.records.looking import Place, Wanted
from veriaidpo_gateway.records.rows import MILLION, Row

MOST_ON_A_PAGE = 200


def _time(written: str) -> str:
    try:
        if datetime.fromisoformat(written).tzinfo is not None:
            return written
    except ValueError:
        pass
    raise PydanticCustomError("time", "not a time")


def _cursor(written: str) -> str:
    if Place.parse(written) is None:
        raise PydanticCustomError("cursor", "not a cursor")
    return written


def _plain(written: str) -> str:
    if not written.isprintable():
        raise PydanticCustomError("characters", "not printable")
    return written


Time = Annotated[str, Field(max_length=40), AfterValidator(_time)]
Sought = Annotated[str, Field(max_length=256), AfterValidator(_plain)]


class RecordQuery(Body):
    """Which records of the caller's tenant are wanted, and which page of them."""

    model_config = ConfigDict(strict=False)

    since: Annotated[Time | None, Field(description="RFC 3339: from then on")] = None
    until: Annotated[Time | None, Field(description="RFC 3339: before then")] = None
    model_type: Annotated[
        Sought | None,
        Field(description="Or an alias; a record of several answers fits when one of them does"),
    ] = None
    model_revision: Annotated[Sought | None, Field(description="The digest that answered, whole")] = None
    needs_review: Annotated[Literal["true", "false"] | None, Field(description="true: the queue")] = None
    request_id: Sought | None = None
    subject: Annotated[Sought | None, Field(description="Who asked: the `sub` of their token")] = None
    limit: Annotated[int, Field(ge=1, le=MOST_ON_A_PAGE)] = 50
    after: Annotated[
        Annotated[str, Field(max_length=64), AfterValidator(_cursor)] | None,
        Field(description="The `next` of the page before"),
    ] = None

    def wanted(self, type_of: Callable[[str], str]) -> Wanted:
        """Return it as records are looked for; `type_of` says which type an alias means."""
        return Wanted(
            since=None if self.since is None else _milliseconds(self.since),
            until=None if self.until is None else _milliseconds(self.until),
            model_type=None if self.model_type is None else type_of(self.model_type),
            revision=self.model_revision,
            needs_review=None if self.needs_review is None else self.needs_review == "true",
            request_id=self.request_id,
            subject=self.subject,
        )

    def place(self) -> Place | None:
        """Return what the page continues after."""
        return None if self.after is None else Place.parse(self.after)


class ErasureQuery(Body):
    """Whose data has to go."""

    subject: Annotated[
        Annotated[Sought, Field(min_length=1)] | None,
        Field(description="One person alone: the `sub` of their token. Without it, all of the tenant's"),
    ] = None


class Said(BaseModel):
    """What one of several models said of a text."""

    model_config = ConfigDict(protected_namespaces=())

    model: str
    model_type: str
    model_revision: str
    label: str
    category_id: int
    confidence: float
    threshold: float | None = None
    needs_review: bool
    cached: bool


class Record(BaseModel):
    """The record of one answer. Of a text for every classifier, `answers` says what each of them said."""

    model_config = ConfigDict(protected_namespaces=())

    chain: Annotated[str, Field(description="Which replica wrote it, since its start")]
    position: Annotated[int, Field(ge=1, description="Its place in that chain")]
    time: Annotated[str, Field(description="RFC 3339, UTC")]
    request_id: str
    item: Annotated[int | None, Field(description="Which of a batch or a stream, from 1")] = None
    tenant: str
    subject: str
    model: str | None = None
    model_type: str | None = None
    language: str
    model_revision: str | None = None
    label: Annotated[str | None, Field(description="The label's id")] = None
    category_id: int | None = None
    confidence: Annotated[float | None, Field(ge=0, le=1)] = None
    threshold: Annotated[float | None, Field(ge=0, le=1)] = None
    needs_review: bool
    cached: bool | None = None
    normaliser: Annotated[str, Field(description="The version of the normalisation")]
    text_hash: Annotated[str, Field(description="HMAC-SHA256 of the normalised text, with a key of ours")]
    answers: list[Said] | None = None
    salt: str
    row_hash: Annotated[str, Field(description="SHA-256 of all of this, as the chain has it")]
    link: Annotated[str, Field(description="SHA-256 of the row's hash behind the link before it")]


class RecordPage(BaseModel):
    """Records, the newest first, and where the next page begins."""

    records: list[Record]
    next: Annotated[str | None, Field(description="For `after`; null on the last page alone")] = None


class Erasure(BaseModel):
    """What was erased of a tenant, or of one person there.

    Of a whole tenant cached results are not found any more in any case.
    """

    tenant: str
    subject: Annotated[str | None, Field(description="Whose records alone; null: all of the tenant's")] = None
    before: Annotated[str, Field(description="RFC 3339, UTC: all that is older, also what turns up later")]
    recorded: Annotated[bool, Field(description="Whether this installation keeps records at all")]
    records: int
    receipts: Annotated[list[str], Field(description="Signed (JWS): for each part, which records had to go")]
    complete: Annotated[bool, Field(description="false: the rest follows by itself, within minutes")]


def shape(row: Row) -> dict[str, Any]:
    """Shape a record as `Record` describes it; it was not erased."""
    said = row.contents
    if said is None:
        raise ValueError("nothing is left of an erased record")
    answers = None if said.answers is None else [_one(one) for one in json.loads(said.answers)]
    return {
        "chain": row.chain,
        "position": row.position,
        "time": time_of(said.time),
        "request_id": said.request_id,
        "item": said.item,
        "tenant": said.tenant,
        "subject": said.subject,
        "model": said.model,
        "model_type": said.model_type,
        "language": said.language,
        "model_revision": said.revision,
        "label": said.label,
        "category_id": said.category_id,
        "confidence": _share(said.confidence),
        "threshold": _share(said.threshold),
        "needs_review": bool(said.needs_review),
        "cached": None if said.cached is None else bool(said.cached),
        "normaliser": said.normaliser,
        "text_hash": said.text_hash,
        "answers": answers,
        "salt": said.salt,
        "row_hash": row.row_hash.hex(),
        "link": row.link.hex(),
    }


def _one(said: dict[str, Any]) -> dict[str, Any]:
    shares = {name: _share(said[name]) for name in ("confidence", "threshold")}
    return {**said, **shares, "model_revision": said["revision"]}


def time_of(milliseconds: int) -> str:
    """Write a time as RFC 3339, UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    written = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{written}.{rest:03d}Z"


def _milliseconds(written: str) -> int:
    return round(datetime.fromisoformat(written).timestamp() * 1000)


def _share(millionths: int | None) -> float | None:
    return None if millionths is None else millionths / MILLION
