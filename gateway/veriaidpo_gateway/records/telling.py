"""What `veriaidpo-gateway records` says: each sentence in English and in Vietnamese."""

import sys
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import asdict
from functools import cache
from importlib import resources

from veriaidpo_gateway.records.findings import Finding, Report

MOST_SHOWN = 100
_MOST_KEYS = 5


@cache
def sentences() -> Mapping[str, Mapping[str, str]]:
    """Read all of them: of each name, by language (`en`, `vi`)."""
    file = resources.files("veriaidpo_gateway") / "messages/records.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def both(name: str, **facts: object) -> str:
    """Say something in both languages, on one line."""
    said = sentences()[name]
    return f"{said['en'].format_map(facts)} / {said['vi'].format_map(facts)}"


def tell(report: Report, forged: int, missing: Collection[str]) -> bool:
    """Print what was found, and say whether it is proven. `missing`: names of keys that were not given."""
    for finding in list(report.findings)[:MOST_SHOWN]:
        print(_finding(finding))
    if len(report.findings) > MOST_SHOWN:
        print(both("more", more=len(report.findings) - MOST_SHOWN))
    if forged:
        print(both("forged", forged=forged))
    for kid in sorted(missing)[:_MOST_KEYS]:
        print(both("missing", kid=kid))
    for said in sentences()["counted"].values():
        print(said.format_map({name: value for name, value in asdict(report).items() if name != "findings"}))
    proven = not (report.findings or forged)
    print(both("proven" if proven else "not_proven"))
    return proven


def fail(name: str, **facts: object) -> None:
    """Say why it could not be done."""
    print(f"veriaidpo-gateway: {both(name, **facts)}", file=sys.stderr)


def _finding(finding: Finding) -> str:
    where = sentences()["row" if finding.first == finding.last else "rows"]
    named = {language: said.format_map(finding._asdict()) for language, said in where.items()}
    return both(finding.kind.value, where=named["en"], where_vi=named["vi"])
