"""Asks a predictor pod why it is not ready."""

import http.client
import json
import logging

from veriaidpo_operator.objects.words import Heard

_LARGEST = 16 * 1024
_log = logging.getLogger(__name__)


def ask(address: str, port: int, path: str, seconds: float = 1.5) -> Heard:
    """Return what a readiness probe is told: a sentence comes as 503 with {"error": sentence}.

    A pod that refuses the connection has not opened its port yet: the kubelet tells of one that never does.
    Where there is not even that, its node may be lost.
    """
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    try:
        connection.connect()
    except ConnectionError:
        return Heard()
    except OSError as error:
        _log.debug("Nobody at %s: %s", address, error)
        return Heard(reached=False)
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        return _heard(answer.status, answer.read(_LARGEST))
    except (OSError, http.client.HTTPException) as error:
        _log.debug("No word from %s: %s", address, error)
        return Heard()
    finally:
        connection.close()


def _heard(status: int, body: bytes) -> Heard:
    if status == 200:
        return Heard(ready=True)
    try:
        found = json.loads(body)
    except ValueError:
        return Heard()
    said = found.get("error") if status == 503 and isinstance(found, dict) else None
    return Heard(said if isinstance(said, str) else "")
