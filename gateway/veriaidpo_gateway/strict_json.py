"""JSON the careful way: no key twice, no NaN, no UTF-16, no bottomless nesting.

What two readers could understand differently is refused rather than interpreted.
"""

import json
from typing import Any, NoReturn


def loads(data: bytes) -> Any:
    """Parse UTF-8 JSON; raise ValueError for anything ambiguous or broken, never anything else."""
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_no_twins, parse_constant=_refuse)
