"""Runs one call of the real client and prints what came of it, as JSON. Its settings are its environment.

A process of its own, because huggingface_hub reads HF_ENDPOINT and HF_HOME when it is imported.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import huggingface_hub


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, Iterator) else {"type": type(value).__name__, **vars(value)}


def main() -> None:
    call, arguments = json.loads(sys.argv[1])
    try:
        outcome = {"result": getattr(huggingface_hub.HfApi(), call)(**arguments)}
    except (huggingface_hub.errors.HfHubHTTPError, OSError, ValueError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        outcome = {"error": type(error).__name__, "status": status, "message": str(error)}
    print(json.dumps(outcome, default=lambda v: str(v) if hasattr(v, "isoformat") else plain(v)))


if __name__ == "__main__":
    main()
