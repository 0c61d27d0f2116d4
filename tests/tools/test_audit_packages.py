"""What is known of packages is told, and what nobody could say is never taken for good."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

KNOWN = {"id": "PYSEC-2024-1", "aliases": ["CVE-2024-1"], "fix_versions": ["2.1"]}
PASSED = {"id": "GHSA-wj6h", "aliases": ["CVE-2024-23342"], "fix_versions": []}


@pytest.fixture
def audit(tool: Callable[[str], ModuleType], tmp_path: Path) -> Callable[..., int]:
    """Run it with a pip-audit that says these of a lock's packages, or these words; return the exit code."""

    def run(*packages: dict[str, Any], words: str = "") -> int:
        said = words or json.dumps({"dependencies": packages, "fixes": []})
        (tmp_path / "said").write_text(said)
        program = tmp_path / "pip-audit"
        program.write_text(f"#!/bin/sh\ncat {tmp_path}/said\n")
        program.chmod(0o755)
        code: int = tool("audit_packages").main(str(program), "requirements.txt")
        return code

    return run


def package(name: str, *advisories: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": list(advisories)}


ECDSA = package("ecdsa", PASSED)


def test_nothing_is_known_but_what_is_passed(audit: Callable[..., int]) -> None:
    assert audit(package("a"), ECDSA) == 0


def test_a_vulnerability_is_named_with_what_mends_it(
    audit: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(package("a", KNOWN), ECDSA) == 1
    assert capsys.readouterr().out == "a 1.0: PYSEC-2024-1, mended in 2.1\n"


def test_a_package_that_the_service_does_not_know_is_not_taken_for_good(
    audit: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(ECDSA, {"name": "b", "skip_reason": "not found"}) == 69
    assert "1 packages were NOT looked up" in capsys.readouterr().err


def test_a_service_that_is_away_is_told(
    audit: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(words="no answer") == 69
    assert "NOT looked up" in capsys.readouterr().err


def test_what_is_passed_over_has_to_be_there(audit: Callable[..., int]) -> None:
    assert audit(package("a")) == 2
