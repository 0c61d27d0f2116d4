"""Asks a fetch pod how far it is."""

import http.client
import logging

from pydantic import ValidationError

from veriaidpo_operator.objects.fetch_words import Progress

_LARGEST = 64 * 1024
_log = logging.getLogger(__name__)


def ask(address: str, port: int, seconds: float = 1.5) -> Progress | None:
    """Return the answer of http://address:port/progress; None when there is none, or none that can be read.

    A pod that has just started or just ended does not answer: that is no failure of the fetch.
    """
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    try:
        connection.request("GET", "/progress", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(_LARGEST)
        return Progress.model_validate_json(body) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValidationError) as error:
        _log.debug("No progress from %s: %s", address, error)
        return None
    finally:
        connection.close()
