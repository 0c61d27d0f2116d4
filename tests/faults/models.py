"""Models of this suite's own: like one of the catalogue's, under another name and type."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..e2e.cluster import CATALOGUE, condition, eventually, get, kubectl
from ..e2e.models import apply_model, sample, source

FETCH_AGAIN = "veriaidpo.verisyntra.vn/fetch-again"


def like(entry: str, name: str, **spec: Any) -> dict[str, Any]:
    """Return a Model with the repository, labels and task of one of the catalogue."""
    known = CATALOGUE[entry]
    fields = {key: known[key] for key in ("labels", "language", "task")}
    return sample(name, **{**fields, "source": source(known["demo"]["repo"]), **spec})


def tells(name: str, *reasons: str, seconds: float = 150) -> str:
    """Wait until a Model that is not served gives one of the reasons, in a sentence; return the reason."""
    eventually(
        lambda: condition(name, "Ready").get("reason") in reasons, f"{name} says {'/'.join(reasons)}", seconds
    )
    ready = condition(name, "Ready")
    assert (ready["status"], len(ready["message"]) > 20) == ("False", True), ready
    return str(ready["reason"])


def is_ready(name: str) -> bool:
    """Tell whether the wanted revision of a Model answers."""
    return condition(name, "Ready").get("status") == "True"


def ready(name: str, seconds: float = 180) -> None:
    """Wait until a Model is Ready."""
    eventually(lambda: is_ready(name), f"{name} is Ready", seconds)


def remade(kind: str, name: str, before: str) -> bool:
    """Tell whether there is an object of that name again, and not the one with the UID from before."""
    there = {one["metadata"]["name"]: one["metadata"]["uid"] for one in get(kind)["items"]}
    return name in there and there[name] != before


def fetch_again(name: str, word: str) -> None:
    """Ask for another fetch, as docs/operate.md says."""
    kubectl("annotate", "model", name, f"{FETCH_AGAIN}={word}", "--overwrite")


@contextmanager
def served(resource: dict[str, Any]) -> Iterator[str]:
    """Apply a Model, wait until it is Ready, and remove it afterwards."""
    with apply_model(resource) as name:
        ready(name)
        yield name
