"""Who is looked at when a Model, or what it shares, changes."""

import copy

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects import places
from veriaidpo_operator.objects.claims import claim_name
from veriaidpo_operator.running.sharers import Sharers

from .shared_world import CLAIM, SharedWorld

NAME = "consent-vi"
OTHERS = {"serving": {"placement": "shared"}, "storage": {"claimName": "others"}}


def changed(spec: Json) -> Json:
    world = SharedWorld(NAME)
    world.on(NAME).change(spec)
    return copy.deepcopy(world.body)


def shared_object(claim: str) -> Json:
    world = SharedWorld(NAME)
    world.everybody()
    service = next(iter(world.all("InferenceService")))
    assert claim == claim_name(world.model_of(NAME))
    return service


def test_a_model_is_looked_at_and_what_it_shares() -> None:
    assert Sharers().model_changed(changed({})) == [NAME, places.key(CLAIM)]
    assert Sharers().model_changed(changed({"serving": {"placement": "own"}})) == [NAME]


def test_so_is_what_it_leaves() -> None:
    for gone_to in ({"placement": "own"}, {"placement": "apart"}):
        sharers = Sharers()
        sharers.model_changed(changed({}))
        assert sharers.model_changed(changed({"serving": gone_to})) == [NAME, places.key(CLAIM)]
    sharers = Sharers()
    sharers.model_changed(changed({}))
    moved = sharers.model_changed(changed(OTHERS))
    assert moved == [NAME, places.key(CLAIM), places.key("others")]


def test_what_is_shared_is_looked_at_with_all_who_share_it() -> None:
    sharers = Sharers()
    service = shared_object(CLAIM)
    assert sharers.child_changed(service) == [places.key(CLAIM)]
    sharers.model_changed(changed({}))
    assert sharers.child_changed(service) == [places.key(CLAIM), NAME]
    sharers.model_changed(changed(OTHERS))
    assert sharers.child_changed(service) == [places.key(CLAIM)]
