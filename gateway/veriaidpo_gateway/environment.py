"""The environment as settings read it: words, numbers, truth values and secrets, each checked."""

from collections.abc import Mapping
from pathlib import Path


class InvalidSettingsError(Exception):
    """A setting is missing or cannot be used; the message names it and never repeats a secret."""


def text(environ: Mapping[str, str], name: str) -> str | None:
    """Read a word; one that is empty is not set."""
    return environ.get(name, "").strip() or None


def number(environ: Mapping[str, str], name: str, default: int, lowest: int = 0) -> int:
    """Read a whole number."""
    found = text(environ, name)
    if found is None:
        return default
    if not found.isascii() or not found.isdigit() or int(found) < lowest:
        raise InvalidSettingsError(f"{name}: a whole number from {lowest}")
    return int(found)


def share(environ: Mapping[str, str], name: str, default: float) -> float:
    """Read a share of a whole, from 0 to 1."""
    try:
        found = float(text(environ, name) or default)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise InvalidSettingsError(f"{name}: a number from 0 to 1")
    return found


def flag(environ: Mapping[str, str], name: str) -> bool:
    """Read a truth value; one that is not set is false."""
    found = (text(environ, name) or "false").lower()
    if found not in ("true", "false"):
        raise InvalidSettingsError(f"{name}: true or false")
    return found == "true"


def secret(environ: Mapping[str, str], name: str) -> str | None:
    """Read a secret, from the file that its twin names or from the variable itself."""
    file = text(environ, f"{name}_FILE")
    if file is None:
        return text(environ, name)
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettingsError(f"{name}_FILE: the file cannot be read") from error
