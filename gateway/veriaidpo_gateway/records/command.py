"""`veriaidpo-gateway records export|verify|find`: an export of the database, its proof, whose text it is."""

import argparse
import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

from veriaidpo_gateway import environment
from veriaidpo_gateway.database.connecting import DatabaseAwayError
from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.normalisation import texts
from veriaidpo_gateway.records import telling
from veriaidpo_gateway.records.by_text import NoTextError, find, read_text
from veriaidpo_gateway.records.exporting import NoExportError, read
from veriaidpo_gateway.records.moment import Opened
from veriaidpo_gateway.records.signing import PublicKeys
from veriaidpo_gateway.records.workers import cores, without_cycles

_BUFFER = 1 << 20
PROVEN, BROKEN, NOT_DONE = 0, 1, 2
"""What the command exits with."""


def run(chosen: argparse.Namespace, database_url: str | None) -> int:
    """Do it: 0 when all is well, 1 when something is wrong with the records, 2 when it could not be done."""
    try:
        if chosen.form == "export":
            return _export(chosen, database_url)
        if chosen.form == "find":
            return _find(chosen, database_url)
        keys = _keys(chosen.key)
        if chosen.file is None:
            with Opened(database_url, chosen.jobs or cores()) as opened, without_cycles():
                verdict = opened.verified(keys)
        else:
            with chosen.file.open("rb", buffering=_BUFFER) as lines, without_cycles():
                verdict = read(lines).verified(keys)
        return PROVEN if telling.tell(*verdict, keys.missing) else BROKEN
    except DatabaseAwayError as error:
        telling.fail("away", cause=error.cause)
    except NoTextError:
        telling.fail("no_text", most=texts.LONGEST)
    except NoExportError as error:
        telling.fail("no_export", line=error)
    except BrokenPipeError:
        _read_no_more()
    except OSError as error:
        telling.fail("no_file", file=error.filename, why=error.strerror)
    return NOT_DONE


def _read_no_more() -> None:
    """Say nothing where nobody reads, as in `export | head`: nor does Python when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _export(chosen: argparse.Namespace, database_url: str | None) -> int:
    with Opened(database_url) as opened, ExitStack() as stack:
        out = stack.enter_context(chosen.out.open("wb")) if chosen.out else sys.stdout.buffer
        for line in opened.export(chosen.tenant).written(chosen.tenant):
            out.write(line)
        out.flush()
    return PROVEN


def _find(chosen: argparse.Namespace, database_url: str | None) -> int:
    text = read_text(chosen.text_file)
    key = environment.secret(os.environ, "RECORDS_KEY") or environment.secret(os.environ, "CACHE_KEY")
    if key is None:
        raise InvalidSettingsError(telling.both("no_hash_key"))
    if database_url is None:
        raise InvalidSettingsError(telling.both("no_database"))
    companies = environment.secret(os.environ, "DATABASE_URL")
    found = find(chosen.tenant, text, key, records_url=database_url, companies_url=companies)
    print(telling.both("found", found=found), file=sys.stderr)
    return PROVEN if found else BROKEN


def _keys(file: Path) -> PublicKeys:
    try:
        return PublicKeys(file.read_bytes())
    except ValueError as error:
        raise InvalidSettingsError(telling.both("no_key")) from error
