"""Stand-ins for what kserve imports and a predictor never calls: a table library and a client of the cluster.

The two cost a process 40 MB and nearly half the time of `import kserve`, and an image 100 MB. kserve's
version is pinned; with another one, whatever it asks of a stand-in fails by name when the image is built.
"""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

_NAMES = {
    "pandas": ("DataFrame",),  # named in annotations
    "kserve.api.kserve_client": ("KServeClient",),  # re-exported; it alone imports kubernetes
}


class _StandIn(ModuleType):
    """A module with nothing in it but empty classes."""

    def __init__(self, name: str, classes: tuple[str, ...]) -> None:
        super().__init__(name, "A stand-in of veriaidpo_predictor.")
        self.__spec__ = ModuleSpec(name, None)  # transformers asks for it
        for one in classes:
            setattr(self, one, type(one, (), {}))


def install() -> None:
    """Put the stand-ins where `import` finds them; to be called before kserve is imported."""
    for name, classes in _NAMES.items():
        sys.modules[name] = _StandIn(name, classes)
