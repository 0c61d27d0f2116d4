"""What is never fetched, whatever a source holds: pickles, archives, code, settings that ask for code."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from veriaidpo_predictor.outcome import FetchError, Reason

SETTINGS = ("config.json", "tokenizer_config.json")

_KINDS = {
    "a pickle": r"bin|pt|pth|pkl|pickle|ckpt|h5|hdf5|keras|msgpack|npy|npz|joblib|pb|mar|nemo|dill",
    "an archive": r"zip|tar|tgz|gz|bz2|xz|zst|lz4|7z|rar|whl|egg|jar",
    "code": r"py|pyc|pyo|pyd|so|dll|dylib|sh|bash|exe|js|mjs|ipynb|lua|rb|pl|wasm|cu|cpp|c|jinja",
}
_ENDINGS = {
    kind: re.compile(rf".*\.({endings})(\.\d+)?", re.IGNORECASE | re.DOTALL)
    for kind, endings in _KINDS.items()
}
_ASKING = frozenset({"auto_map", "trust_remote_code", "custom_pipelines"})
_TOLD = 4


def named(paths: Iterable[str]) -> str:
    """Name what is never fetched, with what it is: `run.py (code), x.bin (a pickle)`; empty for nothing."""
    found = [f"{path[:80]!a} ({kind})".replace("'", "") for path in sorted(paths) if (kind := _kind(path))]
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return ", ".join(found[:_TOLD]) + more


def check(settings: Path) -> None:
    """Raise FetchError when a file of settings asks for code of the source to be run.

    Nothing here would run it. But such a model is another one without its code, and nobody could tell.
    """
    try:
        waiting = [json.loads(settings.read_bytes())]
    except (ValueError, RecursionError):
        return  # whoever needs the file says what is wrong with it
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            asked = sorted(key for key in _ASKING & one.keys() if one[key])
            if asked:
                raise FetchError(
                    Reason.SOURCE_REFUSED,
                    f"{settings.name} asks for code of the source to be run ({asked[0]}): never done.",
                )
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _kind(path: str) -> str | None:
    return next((kind for kind, ending in _ENDINGS.items() if ending.fullmatch(path)), None)
