"""S7: whoever writes a line into the product that opens a door, and hopes that nobody reads it."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from ...documents import REPO
from ..conftest import Attack

LINES = {
    "pickle": "import pickle\n\nx = pickle.loads(b'')\n",
    "shell": "import subprocess\n\nsubprocess.run(f'ls {__name__}', shell=True, check=True)\n",
    "system": "import os\n\nos.system(f'ls {__name__}')\n",
    "yaml": "import yaml\n\nx = yaml.load('a', Loader=yaml.Loader)\n",
    "eval": "x = eval(input())\n",
    "exec": "exec(input())\n",
    "archive": "import tarfile\n\ntarfile.open('a').extractall('b')\n",
    "no_verification": "import httpx\n\nhttpx.get('https://a', verify=False, timeout=1)\n",
    "no_certificate": "import ssl\n\nx = ssl._create_unverified_context()\n",
    "no_deadline": "import requests\n\nrequests.get('https://a')\n",
    "weak_digest": "import hashlib\n\nx = hashlib.md5(b'').hexdigest()\n",
    "guessed_file": "import tempfile\n\nx = tempfile.mktemp()\n",
    "open_to_all": "import os\n\nos.chmod('a', 0o777)\n",
    "every_address": "import socket\n\nsocket.socket().bind(('0.0.0.0', 1))\n",
    "xml": "import xml.etree.ElementTree as tree\n\nx = tree.fromstring('<a/>')\n",
    "sql": "name = input()\nx = 'SELECT * FROM companies WHERE name = ' + name\n",
    "markup": "import jinja2\n\nx = jinja2.Environment()\n",
    "password": "password = 'hunter2hunter2'\n",
    "checkpoint": "import torch\n\nx = torch.load('a')\n",
    "moved_repository": "import transformers\n\nx = transformers.AutoModel.from_pretrained('a/b')\n",
    "any_host": "from paramiko import AutoAddPolicy, client\n\n"
    "client.SSHClient().set_missing_host_key_policy(AutoAddPolicy)\n",
    "assert": "assert input() == 'may'\n",
}
"""A line of each sort, with what it needs; the product has none of them."""

PLACE = "gateway/veriaidpo_gateway"
FOLDERS = (PLACE, "operator/veriaidpo_operator", "predictors/veriaidpo_predictor", "hack/hub/veriaidpo_hub")


@cache
def ruff() -> str:
    """Give the path of ruff, as `make lint` has it."""
    command = [str(REPO / "hack/env"), "tools"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return f"{done.stdout.strip()}/bin/ruff"


def scanned(place: Path) -> subprocess.CompletedProcess[str]:
    """Run bandit there as `make lint` does."""
    command = [str(place / "hack/scan"), "sources"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a checkout with the rules and the tools of this one, and nothing else but lines of each sort."""
    for name in ("pyproject.toml", "hack/scan", "hack/rooms.sh", "hack/tools/requirements-scan.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPO / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(REPO / ".venv")
    for folder in FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
    for sort, text in LINES.items():
        (tmp_path / PLACE / f"planted_{sort}.py").write_text(text)
    return tmp_path


def by_ruff(place: Path) -> set[str]:
    """Name the sorts that its rules of safety report there."""
    command = [ruff(), "check", "--no-cache", "--output-format", "json", str(place)]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=60)
    reported = (one["filename"] for one in json.loads(done.stdout) if re.match(r"S\d", one["code"] or ""))
    return {sort for name in reported for sort in re.findall(r"planted_(\w+)\.py", name)}


def by_bandit(place: Path) -> set[str]:
    """Name the sorts that it reports there."""
    return set(re.findall(r"planted_(\w+)\.py", scanned(place).stdout))


def test_s7_lines_that_open_a_door(attack: Attack, checkout: Path) -> None:
    own = scanned(REPO)
    assert own.returncode == 0, own.stdout
    with attack("S7", "a line in the product that opens a door") as row:
        ruffs, bandits = by_ruff(checkout), by_bandit(checkout)
        row.tried = len(LINES)
        row.got_through = len(LINES.keys() - ruffs - bandits)
        row.figure = (
            "by `make lint`; that `random` may be used is a decision, so a key made by it is not seen"
        )
        row.control = (
            f"ruff alone lets {len(LINES.keys() - ruffs)} through, bandit alone {len(LINES.keys() - bandits)}"
        )
