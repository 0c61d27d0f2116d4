"""Companies as rows of the table, there and back. Pure."""

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import RowMapping

from veriaidpo_gateway.companies.tables import company as table
from veriaidpo_gateway.normalisation.companies import Company
from veriaidpo_gateway.normalisation.folding import fold

SHIPPED, ADDED = "shipped", "added"

COLUMNS = frozenset(field.name for field in fields(Company))


@dataclass(frozen=True, slots=True)
class Entry:
    """A company of the registry. `origin` is `shipped` or `added`; `version` counts its changes from 1."""

    id: str
    company: Company
    origin: str
    version: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which companies are looked for: those that fit everything that is not empty."""

    q: str = ""
    industry: str = ""
    region: str = ""
    origin: str = ""


def conditions(wanted: Filter) -> Iterator[sa.ColumnElement[bool]]:
    """Say in SQL what is looked for."""
    if wanted.q:
        yield table.c.search.contains(fold(wanted.q).text, autoescape=True)
    for column, value in (
        ("industry", wanted.industry),
        ("region", wanted.region),
        ("origin", wanted.origin),
    ):
        if value:
            yield table.c[column] == value


def key_of(company: Company) -> str:
    """Fold a company's name: no two may have the same."""
    return fold(company.name).text


def values_of(company: Company) -> dict[str, Any]:
    """Return the columns that a change may change."""
    names = (company.name, *company.aliases, *company.exact, company.ticker)
    return {
        "key": key_of(company),
        "name": company.name,
        "industry": company.industry,
        "region": company.region,
        "aliases": list(company.aliases),
        "exact": list(company.exact),
        "ticker": company.ticker,
        "ticker_verified": company.ticker_verified,
        "search": "\n".join(fold(name).text for name in names if name),
    }


def merged(old: Company, new: Company, columns: Collection[str]) -> Company:
    """Change what `columns` name, and nothing else: but nobody has checked another ticker yet."""
    found = replace(old, **{column: getattr(new, column) for column in columns})
    if found.ticker != old.ticker and "ticker_verified" not in columns:
        return replace(found, ticker_verified=False)
    return found


def new_row(company: Company, origin: str) -> dict[str, Any]:
    """Make the row of a company that was not there."""
    return {**values_of(company), "id": uuid.uuid4().hex, "origin": origin, "version": 1}


def entry_of(row: RowMapping | Mapping[str, Any]) -> Entry:
    """Read a row."""
    company = Company(
        row["name"],
        row["industry"],
        row["region"],
        tuple(row["aliases"]),
        tuple(row["exact"]),
        row["ticker"],
        row["ticker_verified"],
    )
    return Entry(row["id"], company, row["origin"], row["version"])
