"""The images are as small as they have to be."""

import pytest

from ..tables import kept
from . import images
from .conftest import Installation

pytestmark = pytest.mark.slow


def test_each_image_is_within_its_limit(installation: Installation) -> None:
    found = {name: images.unpacked_megabytes(name) for name in images.NAMES}
    with kept("operations") as body:
        body["images_mb"] = found
    assert {name: found[name] for name, most in images.LIMITS.items() if found[name] > most} == {}
