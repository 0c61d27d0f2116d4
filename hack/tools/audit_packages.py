"""Asks pip-audit for known vulnerabilities of what lock files name, and says what it could not learn.

Usage: audit_packages.py PIP_AUDIT LOCK ... pip-audit takes a package that its service does not know for one
in which nothing was found; here it is one of which nobody knows. Exits 1 where a vulnerability was found that
is not in PASSED, 69 where a package could not be asked for, and 2 where PASSED names what is found no more.
"""

import json
import subprocess
import sys
from typing import Any

PASSED = {
    # python-jose brings ecdsa along, whose signatures can be timed, and computes with cryptography where that
    # is there, as in the gateway.
    "CVE-2024-23342": "ecdsa is never imported",
}
"""What is known and does not matter here, such as `CVE-2024-1`, and why."""


def asked(program: str, lock: str) -> list[dict[str, Any]]:
    """Return what is known of each package of a lock; of one that nobody knows there is a `skip_reason`."""
    how = ("--format", "json", "--progress-spinner", "off", "--disable-pip", "--require-hashes")
    done = subprocess.run([program, *how, "--requirement", lock], capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        return [{"name": lock, "skip_reason": last[:200]}]
    return found


def looked_up(program: str, locks: tuple[str, ...]) -> tuple[dict[str, str], dict[tuple[str, str], Any]]:
    """Return why packages are unknown, and of each advisory of the others its names and what mends it."""
    unknown, known = {}, {}
    for one in (one for lock in locks for one in asked(program, lock)):
        name = f"{one['name']} {one.get('version', '')}".strip()
        if "skip_reason" in one:
            unknown[name] = one["skip_reason"]
        for found in one.get("vulns", ()):
            known[name, found["id"]] = {found["id"], *found["aliases"]}, found["fix_versions"]
    return unknown, known


def main(program: str, *locks: str) -> int:
    """Ask for one lock after the other; return the exit code."""
    unknown, known = looked_up(program, locks)
    matters = {key: fixed for key, (ids, fixed) in known.items() if not ids & PASSED.keys()}
    for (name, advisory), fixed in sorted(matters.items()):
        print(f"{name}: {advisory}, mended in {', '.join(fixed) or 'no version'}")
    if matters:
        return 1
    if unknown:
        name, reason = next(iter(unknown.items()))
        told = f"{len(unknown)} packages were NOT looked up: no service that knows vulnerabilities answered"
        print(f"{told} ({name}: {reason})", file=sys.stderr)
        return 69
    if stale := PASSED.keys() - set().union(*(ids for ids, _ in known.values())):
        print(f"found no more, and still passed over: {', '.join(sorted(stale))}", file=sys.stderr)
        return 2
    print(f"{' '.join(locks)}: no vulnerability is known but {', '.join(PASSED)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
