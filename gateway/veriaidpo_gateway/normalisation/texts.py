"""What a text must be before anything is done with it, and its canonical form.

The bounds come first: putting marks in canonical order takes quadratic time, and a letter with 20,000 marks
on it would hold up everybody for half a second.
"""

import re
import unicodedata

from veriaidpo_gateway.errors import ErrorCode, GatewayError

LONGEST = 4_000
"""Code points."""

MOST_MARKS = 3
"""Combining marks in a row; Vietnamese needs two."""

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_MAYBE_MARKS = re.compile(r"[^\x00-\u02ff\u1e00-\u20cf]")
"""What may be a combining mark: not the letters that Vietnamese and English are written with."""

_INVISIBLE = re.compile(r"[\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufeff\ufff9-\ufffb]")


def check(text: str) -> None:
    """Refuse what is too long (413), or what hides, reorders or piles up characters (422)."""
    if len(text) > LONGEST:
        raise GatewayError(ErrorCode.TEXT_TOO_LONG, {"max_characters": LONGEST, "characters": len(text)})
    if is_forbidden(text):
        raise invalid("text", "holds characters that cannot be accepted", "chứa ký tự không được chấp nhận")
    if not text.strip() or not canonical(text):
        raise invalid("text", "must not be blank", "không được để trống")


def is_forbidden(text: str) -> bool:
    """Whether it holds what hides, reorders or piles up characters."""
    return _FORBIDDEN.search(text) is not None or _piled_up(text)


def canonical(text: str) -> str:
    """NFC, without invisible characters and outer blanks. Only for a text that passed `check`."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).strip()


def invalid(field: str, problem: str, problem_vi: str) -> GatewayError:
    """Make a 422 about one field, in both languages, without the field's value."""
    return GatewayError(
        ErrorCode.INVALID_REQUEST,
        {"fields": [{"field": field, "problem": problem, "problem_vi": problem_vi}]},
    )


def _piled_up(text: str) -> bool:
    """Find more than three marks in a row; those without a class (enclosing ones) are never reordered."""
    if _MAYBE_MARKS.search(text) is None:
        return False
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run > MOST_MARKS:
            return True
    return False
