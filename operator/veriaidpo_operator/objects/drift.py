"""Whether a live object still is what was asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from veriaidpo_operator.objects import quantity

# Keys under which values are quantities: they may come back written another way, and one that nobody wants
# any more has to go, so here what was added counts.
_QUANTITIES = frozenset({"requests", "limits"})
# So it does where one label of nodes more is another place to run at.
_WHOLE = frozenset({"nodeSelector", "affinity"})


def satisfied(wanted: Any, live: Any) -> bool:
    """Tell whether everything wanted is so in the live value; what others added there does not count.

    Lists of named things (containers, env, volumes …) are compared by name; other lists item by item.
    """
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(_field(key, wanted[key], live) for key in wanted)
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return isinstance(live, Sequence) and not isinstance(live, str) and _items(wanted, live)
    return bool(wanted == live)


def _field(key: str, wanted: Any, live: Mapping[str, Any]) -> bool:
    there = live.get(key)
    if key in _QUANTITIES and isinstance(wanted, Mapping):
        if not isinstance(there, Mapping) or there.keys() != wanted.keys():
            return False
        return all(quantity.same(v, there[k]) for k, v in wanted.items())
    if key in _WHOLE:
        return bool((wanted or {}) == (there or {}))
    # The API server leaves out what is empty.
    if not wanted and not there and wanted is not False:
        return True
    return satisfied(wanted, there)


def _items(wanted: Sequence[Any], live: Sequence[Any]) -> bool:
    for key in ("name", "uid"):
        if wanted and all(isinstance(item, Mapping) and key in item for item in wanted):
            by_key = {item.get(key): item for item in live if isinstance(item, Mapping)}
            return all(satisfied(item, by_key.get(item[key])) for item in wanted)
    return len(wanted) == len(live) and all(map(satisfied, wanted, live))
