"""The description against the running gateway: whatever is sent, described or not, the answer is in it."""

import subprocess
import sys
import time
from pathlib import Path

import jwt

from .gateway_process import SECRET, predictor_beside, running

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


def test_every_answer_is_one_of_those_described(tmp_path: Path) -> None:
    claims = {"sub": "anna", "role": "admin", "tenant_id": "t1", "exp": int(time.time()) + 600}
    token = jwt.encode(claims, SECRET, "HS256")
    program = [sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(CONFIGURATION)]
    # The same every time: a test that fails for one in ten commits would be blamed on the wrong ones.
    chosen = ["--seed", "1", "--max-examples", "15", "--no-shrink", "--continue-on-failure"]
    # Of the right shape and refused all the same: a text of blanks, a language that has no model here.
    chosen += ["--exclude-checks", "positive_data_acceptance", "--header", f"Authorization: Bearer {token}"]
    with predictor_beside() as predictor, running(tmp_path, predictor, {}) as gateway:
        where = [f"{gateway.url}/openapi.json", "--url", gateway.url]
        ran = subprocess.run(
            [*program, "run", *where, *chosen],
            check=False,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert gateway.process.poll() is None
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Tested: 20" in ran.stdout
