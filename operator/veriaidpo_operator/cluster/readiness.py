"""Asks a predictor pod why it is not ready."""

import http.client
import json
import logging

_LARGEST = 16 * 1024
_log = logging.getLogger(__name__)


def ask(address: str, port: int, path: str, seconds: float = 1.5) -> str:
    """Return the sentence of a readiness probe that is answered with {"error": sentence}; otherwise nothing.

    A pod that does not answer has not opened its port yet: the kubelet tells of one that never does.
    """
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = json.loads(answer.read(_LARGEST))
    except (OSError, http.client.HTTPException, ValueError) as error:
        _log.debug("No word from %s: %s", address, error)
        return ""
    finally:
        connection.close()
    said = body.get("error") if answer.status == 503 and isinstance(body, dict) else None
    return said if isinstance(said, str) else ""
