"""What callers send and get about companies."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from veriaidpo_gateway.classification.bodies import Body
from veriaidpo_gateway.companies.rows import Entry
from veriaidpo_gateway.normalisation import texts
from veriaidpo_gateway.normalisation.companies import Company
from veriaidpo_gateway.normalisation.folding import fold

LONGEST_NAME = 200
MOST_NAMES = 50
MOST_ON_A_PAGE = 200

_WORD = re.compile(r"[^\W_]")
_TICKER = re.compile(r"[A-Z0-9]*")


def _name(written: str) -> str:
    """Check a name; a shorter one, or one of signs alone, would be found everywhere."""
    if texts.is_forbidden(written) or "|" in written or not written.isprintable():
        raise PydanticCustomError("company_name", "not a name")
    name = texts.canonical(written)
    # A sign at the beginning is a formula to some spreadsheets.
    if not name or not _WORD.match(name) or len(_WORD.findall(fold(name).text)) < 2:
        raise PydanticCustomError("company_name", "not a name")
    return name


def _plain(written: str) -> str:
    if not written.isprintable():
        raise PydanticCustomError("characters", "not printable")
    return written


def _ticker(written: str) -> str:
    if _TICKER.fullmatch(written) is None:
        raise PydanticCustomError("ticker", "not a ticker")
    return written


def _word(written: str) -> str:
    return _name(written) if written else written


Name = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_name)]
Word = Annotated[str, Field(max_length=64), AfterValidator(_word)]
Ticker = Annotated[
    str, Field(max_length=12, description="Its code at HOSE, HNX or UPCOM"), AfterValidator(_ticker)
]
Verified = Annotated[bool, Field(description="Somebody checked the ticker, or that there is none")]
Names = Annotated[list[Name], Field(max_length=MOST_NAMES)]

EXAMPLE: Mapping[str, Any] = {
    "name": "Công ty Cổ phần Rồng Xanh",
    "industry": "technology",
    "region": "south",
    "aliases": ["Rồng Xanh", "Blue Dragon"],
    "exact": ["RX"],
    "ticker": "RXG",
    "ticker_verified": True,
}


class CompanyBody(Body):
    """A company as it is to be."""

    model_config = ConfigDict(json_schema_extra={"examples": [dict(EXAMPLE)]})

    name: Annotated[Name, Field(description="No two companies have the same, however it is written")]
    industry: Word = ""
    region: Word = ""
    aliases: Annotated[
        Names, Field(default_factory=list, description="Other names, found however they are written")
    ]
    exact: Annotated[
        Names,
        Field(
            default_factory=list,
            description="Names that are words too: found only as written here, or in capitals",
        ),
    ]

    ticker: Ticker = ""
    ticker_verified: Verified = False

    def company(self) -> Company:
        """Return it as the registry knows companies."""
        return Company(
            self.name,
            self.industry,
            self.region,
            tuple(self.aliases),
            tuple(self.exact),
            self.ticker,
            self.ticker_verified,
        )


Sought = Annotated[str, AfterValidator(_plain)]


class CompanyQuery(Body):
    """Which companies are wanted, and which page of them."""

    model_config = ConfigDict(strict=False)

    q: Annotated[
        Sought,
        Field(
            max_length=LONGEST_NAME, description="A part of any name or of the ticker, with or without marks"
        ),
    ] = ""
    industry: Annotated[Sought, Field(max_length=64)] = ""
    region: Annotated[Sought, Field(max_length=64)] = ""
    origin: Annotated[Literal["", "shipped", "added"], Field(description="shipped or added")] = ""
    limit: Annotated[int, Field(ge=1, le=MOST_ON_A_PAGE)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class CompanyAnswer(BaseModel):
    """A company of the registry."""

    id: str
    name: str
    industry: str
    region: str
    aliases: list[str]
    exact: list[str]
    ticker: str
    ticker_verified: Verified
    origin: Annotated[Literal["shipped", "added"], Field(description="shipped: it came with the product")]
    version: Annotated[int, Field(ge=1, description="How often it was written; the ETag is this in quotes")]


class CompanyPage(BaseModel):
    """Companies by name, and how many there are in all."""

    companies: list[CompanyAnswer]
    total: int
    limit: int
    offset: int


class LineError(BaseModel):
    """What is wrong with a line of a file; the first is 1."""

    line: int
    fields: list[dict[str, str | None]]


class ImportAnswer(BaseModel):
    """What became of a file: the good lines are in the registry, the others are not."""

    added: int
    changed: int
    unchanged: int
    failed: int
    errors: Annotated[list[LineError], Field(description="The first 1,000 of the lines that failed")]


def answer_of(entry: Entry) -> CompanyAnswer:
    """Shape a company for a caller."""
    one = entry.company
    return CompanyAnswer.model_validate(
        {
            "id": entry.id,
            "name": one.name,
            "industry": one.industry,
            "region": one.region,
            "aliases": list(one.aliases),
            "exact": list(one.exact),
            "ticker": one.ticker,
            "ticker_verified": one.ticker_verified,
            "origin": entry.origin,
            "version": entry.version,
        }
    )
