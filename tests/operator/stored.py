"""What the API server keeps, in memory: objects as raw JSON, made, changed and deleted the way it does."""

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from veriaidpo_operator.api import MANAGER, Json
from veriaidpo_operator.decisions.actions import Action, Apply, Create, Delete, Patch
from veriaidpo_operator.objects import reading

START = datetime(2026, 1, 1, tzinfo=UTC)


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Json:
    """Return one with the other merged in; None removes."""
    result = dict(one)
    for key, value in other.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


class Stored:
    """The objects of one namespace."""

    def __init__(self) -> None:
        self.now = START
        self.objects: dict[tuple[str, str], Json] = {}
        self.most_live_jobs = 0
        self._uids = 0

    def get(self, kind: str, name: str) -> Json | None:
        return self.objects.get((kind, name))

    def all(self, kind: str) -> list[Json]:
        return [body for (k, _), body in sorted(self.objects.items()) if k == kind]

    def put(self, body: Json) -> Json:
        """Store an object the way the API server does."""
        body = copy.deepcopy(body)
        meta = body["metadata"]
        meta |= {"uid": self._uid(), "creationTimestamp": self._stamp(), "generation": 1}
        self.objects[body["kind"], meta["name"]] = body
        return body

    def act(self, action: Action) -> None:
        match action:
            case Create(body):
                if (body["kind"], body["metadata"]["name"]) not in self.objects:
                    self.put(body)
            case Apply(body):
                self._apply(body)
            case Patch(kind, name, uid, body):
                there = self.get(kind, name)
                if there and there["metadata"]["uid"] == uid:
                    self.objects[kind, name] = merged(there, body)
                    self.edited(self.objects[kind, name], MANAGER)
            case Delete(kind, name, uid):
                there = self.get(kind, name)
                if there and there["metadata"]["uid"] == uid:
                    there["metadata"]["deletionTimestamp"] = self._stamp()
        live = [j for j in self.all("Job") if reading.job(j).live]
        self.most_live_jobs = max(self.most_live_jobs, len(live))

    def _apply(self, body: Json) -> None:
        there = self.get(body["kind"], body["metadata"]["name"])
        if there is None:
            self.put(body)
        elif (
            there["spec"] != body["spec"] or merged(there["metadata"], body["metadata"]) != there["metadata"]
        ):
            there["spec"] = copy.deepcopy(body["spec"])
            there["metadata"] = merged(there["metadata"], body["metadata"])
            self.edited(there, MANAGER)

    def edited(self, there: Json, manager: str, subresource: str = "") -> None:
        """Note that somebody wrote to an object the way the API server does."""
        entry = {"manager": manager, "time": self._stamp()} | (
            {"subresource": subresource} if subresource else {}
        )
        entries = there["metadata"].setdefault("managedFields", [])
        same = (manager, subresource)
        entries[:] = [e for e in entries if (e["manager"], e.get("subresource", "")) != same] + [entry]
        there["metadata"]["generation"] += not subresource

    def _uid(self) -> str:
        self._uids += 1
        return f"uid-{self._uids}"

    def _stamp(self) -> str:
        return self.now.isoformat().replace("+00:00", "Z")
