"""What the cluster's own components tell of an object: its events, as the API server lists them. Pure."""

from collections.abc import Iterable

from veriaidpo_operator.api import Json

_MOUNT = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})
_SANDBOX = frozenset({"FailedCreatePodSandBox"})
_FURTHER = frozenset({"Pulling", "Pulled", "Created", "Started"})
"""What comes after the volumes are mounted: an image that takes its time is no trouble of a volume's."""


def complaints(events: Iterable[Json], also: str = "") -> tuple[str, ...]:
    """Return what is complained of, the newest first; events of the reason `also` count as well."""
    return tuple(
        event.get("message", "")
        for event in _newest_first(events)
        if event.get("type") == "Warning" or (event.get("reason") == also != "")
    )


def unmounted(events: Iterable[Json]) -> str:
    """Return why a pod's volume cannot be mounted; empty where it can, or could by now."""
    return _last(events, _MOUNT)


def without_sandbox(events: Iterable[Json]) -> str:
    """Return why a node cannot make a place for a pod's containers; empty where it can, or could by now."""
    return _last(events, _SANDBOX)


def _last(events: Iterable[Json], reasons: frozenset[str]) -> str:
    for event in _newest_first(events):
        if event.get("reason") in _FURTHER:
            return ""
        if event.get("reason") in reasons:
            return str(event.get("message", ""))
    return ""


def _newest_first(events: Iterable[Json]) -> list[Json]:
    return sorted(events, key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "", reverse=True)
