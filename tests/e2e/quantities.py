"""Kubernetes' quantities as numbers."""

_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}


def cores(quantity: str) -> float:
    """Give processors: `50m` is 0.05."""
    return float(quantity.removesuffix("m")) / 1000 if quantity.endswith("m") else float(quantity)


def megabytes(quantity: str) -> float:
    """Give 10^6 bytes: `256Mi` is 268."""
    for unit, factor in _UNITS.items():
        if quantity.endswith(unit):
            return float(quantity.removesuffix(unit)) * factor / 1e6
    return float(quantity) / 1e6
