"""What is to be done for a shared predictor, from the Models that are served by it. Pure.

One look at all of them writes the list, so that no two write it at once. Each Model's own look says in its
status what shall answer for it, and finds out whether it does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from veriaidpo_operator.api import GROUP, Model
from veriaidpo_operator.decisions.actions import Action, Apply, Create, Delete, Patch
from veriaidpo_operator.objects import drift, sharing
from veriaidpo_operator.objects.children import Child, Listing, Pod, Service
from veriaidpo_operator.objects.places import claim as claim_of
from veriaidpo_operator.objects.places import moved, of_shared, place, shared, shared_name
from veriaidpo_operator.settings import Settings

LISTED = f"{GROUP}/listed"
"""Annotation on a pod, the hash of its list: a kubelet brings a ConfigMap to a pod when that pod changes, and
otherwise within a minute or two."""

_KNOWN = timedelta(seconds=1)
"""By then a kubelet has heard of a changed ConfigMap; one that looked before would bring the former list."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a shared predictor."""

    runtime_known: bool = True
    service: Service | None = None
    listing: Listing | None = None
    pods: tuple[Pod, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A claim, and the Models that its shared predictor answers for."""

    claim: str
    namespace: str
    owners: tuple[Model, ...]
    entries: Mapping[str, str]


def gather(
    claim: str,
    namespace: str,
    models: Iterable[Model],
    seen: Seen,
    now: datetime,
    *,
    unread: Iterable[Model] = (),
) -> Group:
    """Find who is served by the shared predictor of a claim, and with what.

    A Model that was placed elsewhere stays until it has answered there for a moment. Of a suspended one
    nothing changes, nor of one whose spec cannot be read (unread), while it is served here.
    """
    listed = seen.listing.entries if seen.listing is not None else {}
    owners, entries = [], {}
    unread_here = [model for model in unread if _served_here(model, seen)]
    for model in sorted([*models, *unread_here], key=lambda model: model.name):
        if model.deleting:
            continue
        is_here = shared(model) and claim_of(model) == claim
        if not is_here and model not in unread_here and not _still_here(model, seen.listing, now):
            continue
        owners.append(model)
        target = model.status.target_revision
        if target is not None and is_here and not model.spec.suspend:
            entries[model.name] = sharing.entry(model, target, model.status.fetched_by)
        elif model.name in listed and not (is_here and target is None):
            entries[model.name] = listed[model.name]
    return Group(claim, namespace, tuple(owners), entries)


def _served_here(model: Model, seen: Seen) -> bool:
    """Tell whether a Model is one of those that the predictor, or its list, belongs to."""
    return any(there is not None and model.uid in there.owners for there in (seen.listing, seen.service))


def _still_here(model: Model, listing: Listing | None, now: datetime) -> bool:
    """Tell whether a Model that is to be served elsewhere is on the list and may still be asked for here."""
    if listing is None or model.name not in listing.entries or model.uid not in listing.owners:
        return False
    return not moved(model.status.inference_service, place(model), now)


def plan_group(group: Group, seen: Seen, settings: Settings, now: datetime) -> tuple[Action, ...]:
    """Decide what to do next for a shared predictor."""
    name = shared_name(group.claim)
    if not group.owners:
        return tuple(_goes(kind, there, name) for kind, there in _objects(seen) if _may_go(there, name))
    return (*_list(group, seen, name), *_service(group, seen, settings), *_hurry(group, seen, now))


def _objects(seen: Seen) -> tuple[tuple[str, Child | None], ...]:
    return ("InferenceService", seen.service), ("ConfigMap", seen.listing)


def _may_go(there: Child | None, name: str) -> bool:
    return there is not None and of_shared(there, name) and not there.deleting


def _goes(kind: str, there: Child | None, name: str) -> Delete:
    return Delete(kind, name, there.uid if there else "")


def _list(group: Group, seen: Seen, name: str) -> tuple[Action, ...]:
    wanted = sharing.listing(group.claim, group.namespace, group.entries, group.owners)
    there = seen.listing
    if there is None:
        return (Create(wanted),) if group.entries else ()
    if not of_shared(there, name) or there.deleting or _as_wanted(group, there):
        return ()
    # What nobody wants goes from it. With the version that was seen nothing newer is overwritten.
    data = dict.fromkeys(there.entries, None) | dict(group.entries)
    owners = wanted["metadata"]["ownerReferences"]
    metadata = {"resourceVersion": there.version, "ownerReferences": owners}
    return (Patch("ConfigMap", name, there.uid, {"metadata": metadata, "data": data}),)


def _as_wanted(group: Group, there: Listing) -> bool:
    return dict(there.entries) == dict(group.entries) and set(there.owners) == {m.uid for m in group.owners}


def _service(group: Group, seen: Seen, settings: Settings) -> tuple[Action, ...]:
    wanted = sharing.shared_service(group.claim, group.namespace, group.owners, settings)
    there = seen.service
    if not seen.runtime_known:
        return ()
    if there is None:
        return (Apply(wanted),) if group.entries else ()
    if not of_shared(there, wanted["metadata"]["name"]) or there.deleting:
        return ()
    owned = set(there.owners) == {model.uid for model in group.owners}
    return () if owned and drift.satisfied(wanted, there.raw) else (Apply(wanted),)


def _hurry(group: Group, seen: Seen, now: datetime) -> tuple[Action, ...]:
    """Have the kubelets bring the list to the pods, once it is as it should be and they know that."""
    if seen.listing is None or now - seen.listing.changed < _KNOWN:
        return ()
    body = {"metadata": {"annotations": {LISTED: sharing.taken_up_as(group.entries)}}}
    return tuple(Patch("Pod", pod.name, pod.uid, body) for pod in untold(group, seen))


def untold(group: Group, seen: Seen) -> tuple[Pod, ...]:
    """Return the pods that have not been told of the list, once it is as it should be."""
    if seen.listing is None or not _as_wanted(group, seen.listing):
        return ()
    told = sharing.taken_up_as(group.entries)
    return tuple(pod for pod in seen.pods if not pod.deleting and pod.annotations.get(LISTED) != told)
