"""What hack/rotate makes of the secret of users' tokens: several by name, then the newest alone."""

import json
import os
import subprocess
import sys

import pytest

from .conftest import REPO


def after(text: str, *step: str, **environment: str) -> dict[str, str]:
    command = [sys.executable, str(REPO / "hack/tools/jwt_secrets.py"), *step]
    done = subprocess.run(
        command, input=text, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("before", "both"),
    [
        ("old", {"": "old", "b": "new"}),
        ('{"": "old", "a": "older"}', {"": "old", "a": "older", "b": "new"}),
    ],
)
def test_a_secret_is_added_and_then_it_is_the_only_one(before: str, both: dict[str, str]) -> None:
    assert after(before, "add", KID="b", NEW="new") == both
    assert after(json.dumps(both), "newest") == {"b": "new"}
