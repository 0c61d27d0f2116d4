"""The bodies of batches, and how their items are read: each by itself, so that a bad one is only one."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from veriaidpo_gateway.classification.answers import Classification
from veriaidpo_gateway.classification.batch import Entry
from veriaidpo_gateway.classification.bodies import Body, Question, Text, invalid_fields
from veriaidpo_gateway.http.openapi import ErrorDetail
from veriaidpo_gateway.normalisation import texts

MOST_ITEMS = 256
MOST_BYTES = 4 * 1024 * 1024
READ_SECONDS = 20.0
LONGEST_ID = 128
ResumeAfter = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_ID,
        description="For a stream: the id of the last answer that arrived. The lines up to it are left out",
    ),
]

Id = Annotated[str, Field(max_length=LONGEST_ID)] | int
Short = Annotated[str, Field(max_length=64)]
SINGLE: Mapping[str, Any] = {
    name: field.default for name, field in Question.model_fields.items() if not field.is_required()
}
"""What an item leaves out where no batch says otherwise: the defaults of a single sentence."""
_AT_MOST = f"At most {texts.LONGEST:,} characters"


class Item(Body):
    """A sentence of a batch; what it leaves out is as the batch says, or as for a single sentence."""

    id: Annotated[Id | None, Field(description="The caller's own, given back with the answer")] = None
    text: Annotated[str, Field(description=_AT_MOST)]
    model_type: Annotated[Short | None, Field(description="A model type or one of its aliases")] = None
    language: Annotated[Short | None, Field(description="vi or en")] = None
    include_metadata: bool | None = None


_Items = list[Annotated[Any, WithJsonSchema(Item.model_json_schema())]]
_Texts = list[Annotated[Any, WithJsonSchema({"type": "string", "description": _AT_MOST})]]


class Batch(Body):
    """Up to 256 sentences: `items`, or `texts`; the other fields hold for those that do not say otherwise."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"id": "a", "text": "Shopee VN thu thập email khách hàng"},
                        {"id": "b", "text": "We keep invoices for ten years", "language": "en"},
                    ],
                    "model_type": "principles",
                    "language": "vi",
                }
            ]
        }
    )

    items: Annotated[_Items | None, Field(min_length=1, max_length=MOST_ITEMS)] = None
    texts: Annotated[_Texts | None, Field(min_length=1, max_length=MOST_ITEMS)] = None
    model_type: Short = SINGLE["model_type"]
    language: Short = SINGLE["language"]
    include_metadata: bool = SINGLE["include_metadata"]

    def entries(self) -> list[Entry]:
        """Read the items; 422 for the whole unless there is exactly one kind."""
        if (self.items is None) == (self.texts is None):
            raise texts.invalid(
                "items",
                "either items or texts is required, not both",
                "cần có items hoặc texts, không phải cả hai",
            )
        defaults = {name: getattr(self, name) for name in SINGLE}
        if self.items is not None:
            return [read_item(item, defaults) for item in self.items]
        return [read_item({"text": text}, defaults) for text in self.texts or ()]


def read_item(raw: object, defaults: Mapping[str, Any], *, line: int | None = None) -> Entry:
    """Read one item; what is wrong with it is in the entry."""
    try:
        item = Item.model_validate(raw)
    except ValidationError as error:
        return Entry(invalid_fields(error), id=id_of(raw), line=line)
    said = item.model_dump(exclude_none=True, exclude={"id"})
    return Entry(Question.model_construct(**{**defaults, **said}), id=item.id, line=line)


def id_of(raw: object) -> str | int | None:
    """Find the id of an item, whatever else is wrong with it; None when it has none that can be used."""
    found = raw.get("id") if isinstance(raw, dict) else None
    if isinstance(found, str):
        return found if len(found) <= LONGEST_ID and _can_be_sent(found) else None
    return found if type(found) is int else None


def _can_be_sent(text: str) -> bool:
    """Whether UTF-8 can write it: half a surrogate pair it cannot, and JSON can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class EveryClassifier(Body):
    """A sentence for every classifier of a language."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Shopee VN thu thập email khách hàng", "language": "vi"}]}
    )

    text: Text
    language: Annotated[Short, Field(description="vi or en")] = "vi"
    include_metadata: Annotated[bool, Field(description="false leaves out all but the predictions")] = True


class BatchResult(Classification):
    """The answer to one item."""

    id: str | int | None = None


class BatchFailure(BaseModel):
    """Why one item has no answer: the same detail as an error of its own would have."""

    model_config = ConfigDict(protected_namespaces=())

    id: str | int | None = None
    line: Annotated[int | None, Field(description="In a stream: which line, from 1")] = None
    model_type: Annotated[str | None, Field(description="In classify-all: whose answer this is")] = None
    detail: ErrorDetail


class BatchAnswer(BaseModel):
    """A result or an error for each item, in order."""

    results: list[BatchResult | BatchFailure]
    total: int
    failed: int
    processing_time_ms: float
