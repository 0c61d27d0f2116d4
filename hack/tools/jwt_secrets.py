"""What JWT_SECRET_KEY holds, with one secret more or with the newest alone; a filter.

jwt_secrets.py add       KID and NEW (environment) beside what is there
jwt_secrets.py newest    without all but the one that was added last
"""

import json
import os
import sys


def known(text: str) -> dict[str, str]:
    """Return the secrets by `kid`, the oldest first; a lone one is for tokens without."""
    if not text.startswith("{"):
        return {"": text}
    return {str(kid): str(secret) for kid, secret in json.loads(text).items()}


def main() -> None:
    """Do what the argument says."""
    secrets = known(sys.stdin.read().strip())
    if sys.argv[1] == "add":
        secrets[os.environ["KID"]] = os.environ["NEW"]
    else:
        secrets = dict(list(secrets.items())[-1:])
    sys.stdout.write(json.dumps(secrets))


if __name__ == "__main__":
    main()
