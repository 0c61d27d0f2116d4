"""What a shared predictor says of each of its models, and a pod of it as one Model sees it."""

import http.client
import json
import logging
from collections.abc import Mapping
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from veriaidpo_operator.objects import words
from veriaidpo_operator.objects.children import Hosted, Pod
from veriaidpo_operator.reasons import Reason

_PATH = "/states"
_ENDED = frozenset({"failed", "rejected"})
_LARGEST = 256 * 1024
_log = logging.getLogger(__name__)


class _Revision(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: str
    state: str
    reason: str = ""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    listed: str | None = None
    serving: _Revision | None = None
    refused: _Revision | None = None


_SAID = TypeAdapter(dict[str, _Said])


def read(body: bytes) -> Mapping[str, Hosted]:
    """Read the states of a predictor, by the model's name; ValueError when they are none."""
    return {name: _hosted(said) for name, said in _SAID.validate_json(body).items()}


def _hosted(said: _Said) -> Hosted:
    serving, refused = said.serving, said.refused
    if (
        refused is None and serving is not None and serving.state in _ENDED
    ):  # it answered, until it was damaged
        refused = serving
    return Hosted(
        listed=said.listed or "",
        serving=serving.revision if serving is not None and serving.state == "ready" else "",
        refused=refused.revision if refused is not None else "",
        reason=refused.reason if refused is not None else "",
    )


def ask(address: str, port: int, seconds: float = 1.5) -> Mapping[str, Hosted] | None:
    """Return the answer of http://address:port/states; None when there is none that can be read."""
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    try:
        connection.request("GET", _PATH, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(_LARGEST)
        return read(body) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValidationError, json.JSONDecodeError) as error:
        _log.debug("No states from %s: %s", address, error)
        return None
    finally:
        connection.close()


def answers(pod: Pod) -> bool:
    """Tell whether a pod answers for the Model, with whatever revision.

    One that is ready and does not tell just now, being busy, goes on as before.
    """
    return pod.ready and (pod.hosted is None or bool(pod.hosted.serving))


def as_seen(pod: Pod, *, target: str, entry: str, current: str | None) -> Pod:
    """Return a pod as one Model sees it: ready when it answers with the target, and saying why it does not.

    target: digest that shall answer; entry: what the list says for it; current: what answered before. How the
    process ended some time ago concerns a Model only while it is not up, or when it ended of this revision.
    """
    if not pod.ready:
        return pod
    hosted = pod.hosted
    if hosted is None:
        return replace(pod, ready=target == current, up=False)
    refused = hosted.reason if (hosted.listed, hosted.refused) == (entry, target) else ""
    if words.cause(refused) is Reason.CRASHING:
        return replace(pod, ready=False, up=False, said=refused)
    ready = hosted.serving == target and not refused
    pod = replace(pod, ended_reason="", exit_code=None, restarts=0, message="")
    return replace(pod, ready=ready, up=False, said=refused)
