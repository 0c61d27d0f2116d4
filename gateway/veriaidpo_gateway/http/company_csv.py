"""Companies as CSV, both ways: what is wrong with a line is said of that line alone. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from veriaidpo_gateway.classification import bodies
from veriaidpo_gateway.companies.rows import Entry, key_of
from veriaidpo_gateway.errors import GatewayError
from veriaidpo_gateway.http.company_bodies import CompanyBody
from veriaidpo_gateway.normalisation import texts
from veriaidpo_gateway.normalisation.companies import Company, split

if TYPE_CHECKING:
    from _csv import Reader

COLUMNS = ("name", "industry", "region", "aliases", "exact", "ticker", "ticker_verified")
_TOLD = "origin"
"""Written for people; without effect when it is read."""

_SAID = {"": False, "false": False, "true": True}


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of a file (the first is 1) and what is wrong with it, as in an error of a body."""

    line: int
    fields: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class File:
    """What a file says: of which companies, in which columns, and what of it is wrong."""

    companies: list[Company]
    columns: frozenset[str]
    bad: list[BadLine]


def write(entries: Iterable[Entry], *, header: bool) -> str:
    """Write companies a line each; several names in one cell have `|` between them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if header:
        writer.writerow((*COLUMNS, _TOLD))
    for entry in entries:
        one = entry.company
        names = ("|".join(one.aliases), "|".join(one.exact))
        checked = "true" if one.ticker_verified else "false"
        writer.writerow((one.name, one.industry, one.region, *names, one.ticker, checked, entry.origin))
    return out.getvalue()


def read(data: bytes) -> File:
    """Read a file: UTF-8, with commas or (as some spreadsheets have it) semicolons; 422 without a header."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise texts.invalid("file", "must be UTF-8", "phải mã hóa UTF-8") from None
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns = _columns(reader)
    good: dict[str, Company] = {}
    bad: list[BadLine] = []
    for line, cells in _lines(reader):
        try:
            company = _company(columns, cells)
            key = key_of(company)
            if key in good:
                raise texts.invalid("name", "stands in an earlier line too", "đã có ở một dòng trước đó")
            good[key] = company
        except GatewayError as error:
            bad.append(BadLine(line, error.details["fields"]))
    return File(list(good.values()), frozenset(columns) - {_TOLD}, bad)


def _columns(reader: "Reader") -> list[str]:
    try:
        columns = [cell.strip().lower() for cell in next(reader, [])]
    except csv.Error:
        columns = []
    known = {*COLUMNS, _TOLD}
    if "name" not in columns or not known.issuperset(columns) or len(set(columns)) != len(columns):
        listed = ", ".join(COLUMNS)
        raise texts.invalid(
            "header",
            f"must name some of {listed}, name among them",
            f"phải gồm các cột trong {listed}, có name",
        )
    return columns


def _lines(reader: "Reader") -> Iterator[tuple[int, list[str] | None]]:
    """Yield where each line that is not empty begins, and its cells; None when it is not CSV."""
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, None
            continue
        if any(cell.strip() for cell in cells):
            yield line, cells


def _company(columns: list[str], cells: list[str] | None) -> Company:
    if cells is None or len(cells) != len(columns):
        raise texts.invalid(
            "line", "has not as many cells as the header", "không có đủ số ô như dòng tiêu đề"
        )
    named = {name: cell.strip() for name, cell in zip(columns, cells, strict=True) if name in COLUMNS}
    values: dict[str, Any] = {**named}
    for column in ("aliases", "exact"):
        values[column] = list(split(named.get(column, "")))
    said = named.get("ticker_verified", "")
    values["ticker_verified"] = _SAID.get(said.lower(), said)  # what is neither is refused as in a body
    try:
        return CompanyBody.model_validate(values).company()
    except ValidationError as error:
        raise bodies.invalid_fields(error) from None
