"""Which verbs the product's accounts were granted and used, by the API server's audit log.

    hack/rights [--since 2026-11-29T02:00:00Z]

Prints what was granted and not used, and what was refused; exits with 1 where there is either without an
explanation. The figures go to build/operations.json.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from ..tables import kept
from .cluster import NAMESPACE, REPO, provider

Granted = Mapping[str, Mapping[str, list[str]]]
"""By account and resource, as tests/chart/rights.yaml writes it: the verbs."""

EXPLAINED = {
    ("veriaidpo-operator", "inferenceservices.serving.kserve.io", "create"): (
        "they are made by server-side apply, which the log calls patch and which is refused without create"
    ),
}
BEGUN = datetime.now(UTC)


@dataclass
class Use:
    """What accounts did: verbs by account and resource, and what was refused to them."""

    verbs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def granted() -> Granted:
    """Return the table that the chart's Roles are held against."""
    table: Granted = yaml.safe_load((REPO / "tests/chart/rights.yaml").read_text())
    return table


def used(lines: Iterable[Mapping[str, Any]], table: Granted, since: datetime) -> Use:
    """Count what lines of an audit log say of the accounts of a table.

    What is refused while a release is being removed does not count: rights go before the last pod does.
    """
    found, bound = Use(), dict.fromkeys(table, True)
    for line in sorted(lines, key=lambda line: str(line["requestReceivedTimestamp"])):
        _follow_bindings(line, bound)
        account = line["user"]["username"].removeprefix(f"system:serviceaccount:{NAMESPACE}:")
        if account not in table or datetime.fromisoformat(line["requestReceivedTimestamp"]) < since:
            continue
        done = (account, _resource(line.get("objectRef", {}), table[account]), str(line["verb"]))
        if line.get("annotations", {}).get("authorization.k8s.io/decision") == "allow":
            found.verbs[done] += 1
        elif bound[account]:
            found.refused[done] += 1
    return found


def _follow_bindings(line: Mapping[str, Any], bound: dict[str, bool]) -> None:
    """Note which accounts have their rights; a RoleBinding bears its account's name."""
    at = line.get("objectRef", {})
    if at.get("resource") == "rolebindings" and at.get("namespace") == NAMESPACE:
        there = not str(line["verb"]).startswith("delete")
        bound |= {name: there for name in bound if at.get("name") in (name, None)}


def _resource(at: Mapping[str, str], mine: Mapping[str, object]) -> str:
    """Name a resource as the table does: by itself, or with the one name that a right is for."""
    part = "/".join(one for one in (at.get("resource"), at.get("subresource")) if one)
    name = ".".join(one for one in (part, at.get("apiGroup")) if one)
    alone = f"{name}/{at.get('name')}"
    return alone if alone in mine else name


def unused(table: Granted, use: Use) -> list[tuple[str, str, str]]:
    """List what was granted and not used, in order."""
    return sorted(
        (account, resource, verb)
        for account, mine in table.items()
        for resource, verbs in mine.items()
        for verb in verbs
        if not use.verbs[account, resource, verb]
    )


def log() -> Iterator[Mapping[str, Any]]:
    """Read the cluster's audit log, with what was rotated out of it."""
    newest = Path(provider("audit").strip())
    for path in sorted(newest.parent.glob(f"{newest.stem}*{newest.suffix}")):
        with path.open("rb") as lines:
            yield from (json.loads(line) for line in lines if line.endswith(b"\n"))


def judged(since: datetime) -> list[str]:
    """Hold the table against the log, keep the figures, and return what has no explanation."""
    table = granted()
    use = used(log(), table, since)
    rest = unused(table, use)
    total = sum(len(verbs) for mine in table.values() for verbs in mine.values())
    with kept("operations") as body:
        body["verbs"] = {
            "granted": total,
            "used": total - len(rest),
            "unused": [" ".join(one) for one in rest],
        }
    faults = [f"granted and never used: {' '.join(one)}" for one in rest if one not in EXPLAINED]
    return faults + [f"refused {times} times: {' '.join(one)}" for one, times in use.refused.items()]


def main() -> int:
    """Print what was found; return the exit code."""
    parser = argparse.ArgumentParser(prog="hack/rights", description=__doc__)
    parser.add_argument("--since", type=datetime.fromisoformat, default=datetime.fromtimestamp(0, UTC))
    faults = judged(parser.parse_args().since)
    print(*faults or ["every verb that is granted was used, or is explained"], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
