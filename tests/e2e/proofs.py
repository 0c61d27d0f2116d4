"""Decision records as an officer takes them out of an installation, and what their verification says."""

import base64
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from .cluster import NAMESPACE, run

_GATEWAY = ("deploy/veriaidpo-gateway", "--", "veriaidpo-gateway", "records")
_SAID = re.compile(
    r"(?P<rows>\d+) rows in (?P<chains>\d+) chains, (?P<heads>\d+) signed heads; (?P<erased>\d+) erased by "
    r"receipt, (?P<withheld>\d+) withheld, (?P<lost>\d+) answers not recorded, (?P<unsigned>\d+) rows after "
    r"the last head, (?P<open>\d+) chains not closed"
)


@dataclass(frozen=True)
class Verdict:
    """What `records verify` printed, and what it exited with."""

    code: int
    said: str

    def __getattr__(self, name: str) -> int:
        """Read one of the last line's numbers: rows, chains, heads, erased, lost, unsigned, open …"""
        found = _SAID.search(self.said)
        assert found, self.said
        return int(found[name])


def exported(*more: str, namespace: str = NAMESPACE) -> str:
    """Export the records, as docs/decisions.md says."""
    return run("kubectl", "--namespace", namespace, "exec", *_GATEWAY, "export", *more)


def certificates(namespace: str = NAMESPACE) -> str:
    """Return the certificates of the key that signs, and of those before it."""
    secret: dict[str, Any] = json.loads(
        run("kubectl", "--namespace", namespace, "get", "secret", "veriaidpo-service-key", "-o", "json")
    )
    data = secret["data"]
    return "".join(base64.b64decode(data.get(name, "")).decode() for name in ("tls.crt", "former.crt"))


def verified(lines: str, public: str) -> Verdict:
    """Verify an export, with nothing of the installation's but its certificates."""
    with tempfile.NamedTemporaryFile("w") as key:
        key.write(public)
        key.flush()
        command = ("records", "verify", "/dev/stdin", "--key", key.name)
        return _verdict([sys.executable, "-m", "veriaidpo_gateway", *command], lines)


def verified_inside(public: str, namespace: str = NAMESPACE) -> Verdict:
    """Verify the database, in a gateway's pod."""
    return _verdict(
        ["kubectl", "--namespace", namespace, "exec", "-i", *_GATEWAY, "verify", "--key", "/dev/stdin"],
        public,
    )


def records_of(lines: str) -> list[dict[str, Any]]:
    """Read an export's records; heads and receipts are left out."""
    found = (json.loads(line) for line in lines.splitlines())
    return [one for one in found if "chain" in one]


def _verdict(command: list[str], stdin: str) -> Verdict:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)
    return Verdict(done.returncode, done.stdout + done.stderr)
