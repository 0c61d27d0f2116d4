"""`veriaidpo-gateway records export|verify`: an export of the database, and the proof of either."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from veriaidpo_gateway.database.connecting import DatabaseAwayError
from veriaidpo_gateway.environment import InvalidSettingsError
from veriaidpo_gateway.records.exporting import NoExportError, read
from veriaidpo_gateway.records.findings import Report
from veriaidpo_gateway.records.moment import Opened
from veriaidpo_gateway.records.signing import PublicKeys
from veriaidpo_gateway.records.workers import cores, without_cycles

MOST_SHOWN = 100
_BUFFER = 1 << 20
PROVEN, BROKEN, NOT_DONE = 0, 1, 2
"""What the command exits with."""


def run(chosen: argparse.Namespace, database_url: str | None) -> int:
    """Do it: 0 when all is well, 1 when something is wrong with the records, 2 when it could not be done."""
    try:
        if chosen.form == "export":
            return _export(chosen, database_url)
        keys = _keys(chosen.key)
        if chosen.file is None:
            with Opened(database_url, chosen.jobs or cores()) as opened, without_cycles():
                return _tell(*opened.verified(keys))
        with chosen.file.open("rb", buffering=_BUFFER) as lines, without_cycles():
            return _tell(*read(lines).verified(keys))
    except DatabaseAwayError as error:
        return _fail(f"the database of records is away, or holds no records yet: {error.cause}")
    except NoExportError as error:
        return _fail(f"this is no export: {error}")
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}")


def _export(chosen: argparse.Namespace, database_url: str | None) -> int:
    with Opened(database_url) as opened, ExitStack() as stack:
        out = stack.enter_context(chosen.out.open("wb")) if chosen.out else sys.stdout.buffer
        for line in opened.export(chosen.tenant).written(chosen.tenant):
            out.write(line)
    return PROVEN


def _keys(file: Path) -> PublicKeys:
    try:
        return PublicKeys(file.read_bytes())
    except ValueError as error:
        raise InvalidSettingsError(f"--key: {error}") from error


def _tell(report: Report, forged: int) -> int:
    for finding in list(report.findings)[:MOST_SHOWN]:
        rows = (
            f"row {finding.first}"
            if finding.first == finding.last
            else f"rows {finding.first}-{finding.last}"
        )
        print(f"{finding.kind.value}: chain {finding.chain}, {rows}")
    if len(report.findings) > MOST_SHOWN:
        print(f"... and {len(report.findings) - MOST_SHOWN} more")
    if forged:
        print(f"unsigned: {forged} heads or receipts that no given key has signed")
    print(
        f"{report.rows} rows in {report.chains} chains, {report.heads} signed heads; "
        f"{report.erased} erased by receipt, {report.withheld} withheld, {report.lost} answers not recorded, "
        f"{report.unsigned_rows} rows after the last head, {report.open_chains} chains not closed"
    )
    wrong = bool(report.findings or forged)
    print("NOT PROVEN" if wrong else "proven: nothing was removed, changed, added, moved or cut")
    return BROKEN if wrong else PROVEN


def _fail(said: str) -> int:
    print(f"veriaidpo-gateway: {said}", file=sys.stderr)
    return NOT_DONE
