"""Kubernetes quantities as numbers, so that "0.5" and "500m" are the same."""

from decimal import Decimal

_SUFFIXES = {
    "m": Decimal("0.001"), "": Decimal(1),
    "k": Decimal(10) ** 3, "M": Decimal(10) ** 6, "G": Decimal(10) ** 9, "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15, "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10, "Mi": Decimal(2) ** 20, "Gi": Decimal(2) ** 30, "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50, "Ei": Decimal(2) ** 60,
}  # fmt: skip


def number(quantity: str | float) -> Decimal:
    """Return the value of a quantity; ValueError when it is none."""
    text = str(quantity).strip()
    digits = text.rstrip("kKmMGTPEi")
    suffix = text[len(digits) :]
    try:
        value = Decimal(digits) * _SUFFIXES[suffix]
    except (ArithmeticError, KeyError):  # also of one that no number holds: 1e999999999999999999
        value = Decimal("nan")
    if not value.is_finite():
        raise ValueError(f"{quantity!r} is not a quantity")
    return value


def exceeds(one: str | float, other: str | float) -> bool:
    """Tell whether one is more than the other; what is no quantity is left to the API server to refuse."""
    try:
        return number(one) > number(other)
    except ValueError:
        return False


def same(one: object, other: object) -> bool:
    """Tell whether two JSON scalars are the same quantity (or simply equal)."""
    if one == other:
        return True
    try:
        return number(str(one)) == number(str(other))
    except ValueError:
        return False
