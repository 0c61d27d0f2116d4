"""`veriaidpo-gateway records find`: whether a text is the one that a record is about. It takes the key."""

import asyncio
import sys
from pathlib import Path

import orjson

from veriaidpo_gateway.companies.registry import CompanyRegistry
from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.database.connecting import open_database
from veriaidpo_gateway.errors import GatewayError
from veriaidpo_gateway.normalisation import texts
from veriaidpo_gateway.normalisation.legal_forms import load_legal_forms
from veriaidpo_gateway.records.answered import TextHash
from veriaidpo_gateway.records.looking import Wanted
from veriaidpo_gateway.records.reading import RecordReader


class NoTextError(ValueError):
    """What was given can never have been classified: it is too long, blank, or no text."""


def read_text(file: Path) -> str:
    """Read it, from the standard input where the file is `-`; OSError or NoTextError."""
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        text = data.decode("utf-8").rstrip("\r\n")
        texts.check(text)
    except (UnicodeDecodeError, GatewayError) as error:
        raise NoTextError from error
    return text


def find(tenant: str, text: str, key: str, *, records_url: str, companies_url: str | None) -> int:
    """Print a tenant's records of a text, the newest first, a line each; how many. DatabaseAwayError.

    The text is taken as it is, for who has it as it was normalised, and as it would be normalised now.
    """
    return asyncio.run(_find(tenant, text, key, records_url, companies_url))


async def _find(tenant: str, text: str, key: str, records_url: str, companies_url: str | None) -> int:
    async with open_database(companies_url) as database:
        companies = CompanyRegistry(CompanyStore(database), load_legal_forms())
        await companies.refresh()
    hashed = TextHash(key.encode())
    sought = {hashed(tenant, one) for one in (text, texts.canonical(text), companies(text).text)}
    found = 0
    async with open_database(records_url) as database:
        async for rows in RecordReader(database).pages(tenant, Wanted(text_hashes=frozenset(sought))):
            for row in rows:
                said = {} if row.contents is None else row.contents._asdict()
                line = orjson.dumps({"chain": row.chain, "position": row.position, "contents": said})
                sys.stdout.buffer.write(line + b"\n")
            found += len(rows)
    sys.stdout.buffer.flush()
    return found
