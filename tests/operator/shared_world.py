"""Several Models in one namespace, some of them on one claim, and the predictor that they share."""

import copy
from datetime import timedelta
from typing import Any

from veriaidpo_operator.api import MODEL_LABEL, Json, Model, parse
from veriaidpo_operator.decisions.actions import Action
from veriaidpo_operator.decisions.group import LISTED, Group, Seen, gather, plan_group
from veriaidpo_operator.decisions.plan import Plan
from veriaidpo_operator.objects import hosting, places, reading, sharing
from veriaidpo_operator.objects.children import Hosted, Pod, Service
from veriaidpo_operator.objects.claims import digest
from veriaidpo_operator.objects.observed import Observed, Place

from .world import GOLDEN, SPEC, World, merged

CLAIM = "models"
SHARED = places.shared_name(CLAIM)
ON_THE_CLAIM: Json = {"storage": {"claimName": CLAIM}}
BESIDE_OTHERS: Json = ON_THE_CLAIM | {"serving": {"placement": "shared"}}


class SharedWorld(World):
    """One namespace with Models by name; every call is about one of them, or about what they share."""

    def __init__(self, *names: str, spec: Json = BESIDE_OTHERS) -> None:
        self.bodies: dict[str, Json] = {}
        self.digests: dict[str, str] = {}
        self.hosts: dict[str, dict[str, Hosted]] = {}
        """What each pod of a shared predictor says, by the pod's UID."""
        super().__init__()
        for name in names:
            self.add(name, spec)
        self.put({"kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": {}})

    # the user

    def add(self, name: str, spec: Json = BESIDE_OTHERS) -> None:
        """Make a Model, whose source holds a revision of its own."""
        source = {"source": {"uri": f"hf://owner/{name}"}}
        self.new_model(merged(merged(SPEC, source), spec))
        self.body["metadata"]["name"] = name
        self.bodies[name] = self.body
        self.digests.setdefault(name, digest([name]))

    def on(self, name: str) -> "SharedWorld":
        """Turn to one Model."""
        self.body = self.bodies[name]
        return self

    def remove(self, name: str) -> None:
        self.on(name).body["metadata"]["uid"] = ""
        del self.bodies[name]
        self._collect()

    def move(self, name: str, placement: str) -> None:
        self.on(name).change({"serving": {"placement": placement}})

    def publish_of(self, name: str, word: str) -> str:
        """Publish another revision of a Model, and want it; gives its digest."""
        self.digests[name] = digest([name, word])
        self.on(name).change({"source": {"revision": word}})
        return self.digests[name]

    # the operator

    def model_of(self, name: str) -> Model:
        return parse(self.bodies[name])

    def ready(self, name: str) -> tuple[str, str]:
        return self.on(name).condition("Ready")

    def look(self, name: str, *, crash_after: int | None = None) -> Plan:
        return self.on(name).reconcile(crash_after=crash_after)

    def seen(self) -> Seen:
        service, listing = self.get("InferenceService", SHARED), self.get("ConfigMap", SHARED)
        return Seen(
            service=reading.service(service) if service else None,
            listing=reading.listing(listing) if listing else None,
            pods=tuple(self.pods_of(SHARED)),
        )

    def group(self) -> tuple[Group, Seen]:
        seen = self.seen()
        return gather(CLAIM, "ns", map(parse, self.bodies.values()), seen, self.now), seen

    def decide_group(self) -> tuple[Action, ...]:
        group, seen = self.group()
        return plan_group(group, seen, self.settings, self.now)

    def look_at_group(self, *, crash_after: int | None = None) -> None:
        for action in self.decide_group()[:crash_after]:
            self.act(action)

    def everybody(self, rounds: int = 30) -> None:
        """Let all do their part until nothing changes any more."""
        for _ in range(rounds):
            before = copy.deepcopy((self.bodies, self.objects, self.hosts))
            for name in self.bodies:
                self.look(name)
            self.look_at_group()
            self.kubernetes()
            self.now += timedelta(seconds=1)
            if before == (self.bodies, self.objects, self.hosts):
                if all(
                    places.moved(m.status.inference_service, places.place(m), self.now) for m in self.models
                ):
                    return
                self.now += timedelta(seconds=15)
        raise AssertionError({name: self.ready(name) for name in self.bodies})

    @property
    def models(self) -> list[Model]:
        return [parse(body) for body in self.bodies.values()]

    @property
    def listed(self) -> dict[str, str]:
        """The list, with the digests alone."""
        found = self.get("ConfigMap", SHARED)
        return {name: entry[:64] for name, entry in (found or {}).get("data", {}).items()}

    def answers(self, name: str) -> bool:
        """Tell whether callers who ask where status says get an answer."""
        at = self.model_of(name).status.inference_service
        if at is None or ("InferenceService", at.name) not in self.objects:
            return False
        pods = [pod for pod in self.pods_of(at.name) if pod.ready]
        if at.name == name:
            return bool(pods)
        return any((self.hosts.get(pod.uid) or {}).get(name, Hosted()).serving for pod in pods)

    # the API server

    def pods_of(self, name: str) -> list[Pod]:
        """Return the pods of a predictor."""
        deployment = self.get("Deployment", f"{name}-predictor")
        owner = {"kind": "ReplicaSet", "uid": deployment["metadata"]["uid"] if deployment else ""}
        mine = (p for p in self.all("Pod") if owner in p["metadata"].get("ownerReferences", []))
        return [reading.pod(p, said=self.says(p).said) for p in mine]

    def _service(self, name: str) -> Service | None:
        found = self.get("InferenceService", name)
        return reading.service(found) if found else None

    def _hosts(self, name: str) -> tuple[Pod, ...]:
        model = self.body["metadata"]["name"]
        return tuple(
            reading.pod(pod.raw, hosted=self.hosts.get(pod.uid, {}).get(model, Hosted()))
            for pod in self.pods_of(name)
        )

    def observe(self) -> Observed:
        model = self.model
        name, labels = model.name, {MODEL_LABEL: model.name}
        place, is_shared = places.place(model), places.shared(model)
        claim = self.get("PersistentVolumeClaim", model.spec.storage.claim_name or f"{name}-model")
        jobs = [j for j in self.all("Job") if labels.items() <= j["metadata"]["labels"].items()]
        orders = [c for c in self.all("ConfigMap") if labels.items() <= c["metadata"]["labels"].items()]
        uids = {j["metadata"]["uid"] for j in jobs}
        fetching = [p for p in map(reading.pod, self.all("Pod")) if p.job in uids]
        deployment = self.get("Deployment", f"{place}-predictor")
        listing = self.get("ConfigMap", SHARED) or {"data": {}}
        return Observed(
            claim=reading.claim(claim) if claim else None,
            jobs=tuple(map(reading.job, jobs)),
            orders=tuple(map(reading.child, orders)),
            pods=(*fetching, *(self._hosts(place) if is_shared else self.pods_of(place))),
            service=self._service(place),
            deployment=reading.deployment(deployment) if deployment else None,
            listed=listing["data"].get(name, "") if is_shared else "",
            left=self._service(name) if is_shared else None,
            before=self._before(model),
        )

    def _before(self, model: Model) -> Place | None:
        at = model.status.inference_service
        if at is None or at.name == places.place(model):
            return None
        service, deployment = self._service(at.name), self.get("Deployment", f"{at.name}-predictor")
        if service is None or service.deleting:
            return None
        if at.name == model.name:
            return Place(service, reading.deployment(deployment).ready if deployment else 0)
        return Place(service, sum(map(hosting.answers, self._hosts(at.name))))

    # Kubernetes and KServe

    def _collect(self) -> None:
        """Remove what is being deleted and what has no owner left; whoever lost some keeps the others."""
        while True:
            before = len(self.objects)
            self.objects = {k: b for k, b in self.objects.items() if "deletionTimestamp" not in b["metadata"]}
            uids = {b["metadata"]["uid"] for b in (*self.objects.values(), *self.bodies.values())}
            kept: dict[tuple[str, str], Json] = {}
            for key, body in self.objects.items():
                owners = body["metadata"].get("ownerReferences", [])
                alive = [o for o in owners if o["uid"] in uids]
                if alive or not owners:
                    if alive != owners:
                        body["metadata"]["ownerReferences"] = alive
                    kept[key] = body
            self.objects = kept
            if len(kept) == before:
                return

    def kubernetes(self, *, digest: str | None = None) -> None:
        for job in self.all("Job"):
            if not job.get("status", {}).get("conditions"):
                self.fetched(job)
        super().kubernetes()
        self.follow()

    def fetched(self, job: Json) -> None:
        """Let a fetch end well."""
        found = self.digests[job["metadata"]["labels"][MODEL_LABEL]]
        self.finish(job, {"reason": "Published", "digest": found, "format": "onnx-fp32"})

    def follow(self, *, late: bool = False) -> None:
        """Let each pod of the shared predictor do what its list says, once its kubelet has brought it.

        That is when the pod was changed, or after a while (late).
        """
        listing = self.get("ConfigMap", SHARED)
        for pod in self.pods_of(SHARED):
            entries = (listing or {}).get("data", {})
            told = pod.annotations.get(LISTED) == sharing.taken_up_as(entries)
            if pod.ready and listing is not None and (late or told or pod.uid not in self.hosts):
                was = self.hosts.get(pod.uid, {})
                now = {name: self._load(entry, was.get(name, Hosted())) for name, entry in entries.items()}
                self.hosts[pod.uid] = now

    def _load(self, entry: str, was: Hosted) -> Hosted:
        wanted = entry[:64]
        if was.listed == entry and (was.serving == wanted or was.refused):
            return was
        if self.bad.get(wanted) is None:
            return Hosted(listed=entry, serving=wanted)
        reason = GOLDEN if self.bad[wanted] == "golden" else "It cannot be loaded."
        return Hosted(listed=entry, serving=was.serving, refused=wanted, reason=reason)

    def predictor(self, deployment: Json, fault: str | None) -> None:
        super().predictor(deployment, fault)
        here = {pod["metadata"]["uid"] for pod in self.all("Pod")}
        self.hosts = {uid: states for uid, states in self.hosts.items() if uid in here}


def told(actions: tuple[Any, ...]) -> list[str]:
    """Return what was decided, in words."""
    return [str(action) for action in actions]
