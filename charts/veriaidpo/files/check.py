"""What `helm test` asks: without a token the gateway refuses, with each there is it answers. No package."""

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path

PATH = "/api/v1/veriaidpo/model-status"


def status(gateway: str, token: str = "") -> int:
    """Return the status of the answer; 0 where there is none. gateway: host:port."""
    connection = http.client.HTTPConnection(gateway, timeout=10)
    try:
        connection.request("GET", PATH, headers={"Authorization": f"Bearer {token}"} if token else {})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"{gateway}: {error}", file=sys.stderr)
        return 0
    finally:
        connection.close()


def token(file: Path) -> str:
    """Make a token of the gateway's own; where there are several secrets, of the last one."""
    try:
        kids = list(json.loads(file.read_text()))
    except (ValueError, TypeError):
        kids = []
    command = ["veriaidpo-gateway", "token", "--role", "auditor", "--hours", "0.1"]
    command += ["--kid", kids[-1]] if kids else []
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    """Ask; 0 when both answers are as they have to be."""
    asked = [("without a token", 401, "")]
    secret = os.environ.get("JWT_SECRET_KEY_FILE")
    if secret:
        asked.append(("with a token", 200, token(Path(secret))))
    yours = os.environ.get("TOKEN_FILE")
    if yours:
        asked.append(("with yours", 200, Path(yours).read_text().strip()))
    if len(asked) == 1:
        print("with a token: not asked, there is none; helmTest.tokenSecret names one")
    wrong = 0
    for how, wanted, given in asked:
        # http.client would tell of such a header by repeating it.
        if not given.isascii() or len(given.split()) > 1:
            wrong += 1
            print(f"{how}: what is there is not one token")
            continue
        got = status(os.environ["GATEWAY"], given)
        wrong += got != wanted
        print(f"{how}: {got}" + ("" if got == wanted else f", and not {wanted}"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
