"""The objects of a Model, built of a spec and settings, and what is read off their pods."""

import json
from dataclasses import replace
from typing import Any

from veriaidpo_operator.api import Json
from veriaidpo_operator.objects import jobs, orders, serving

from .world import DIGEST, SETTINGS, World


def job(spec: Json | None = None, **settings: Any) -> Json:
    world = World(spec)
    return jobs.fetch_job(world.model, replace(SETTINGS, **settings), name="x", attempt=1)


def service(spec: Json | None = None, **settings: Any) -> Json:
    world = World(spec)
    given = replace(SETTINGS, **settings)
    return serving.own_service(world.model, given, revision=DIGEST, claim="principles-vi-model")


def container(pod: Json) -> Json:
    (only,) = pod["containers"]
    return dict(only)


def env(pod: Json) -> dict[str, str]:
    return {e["name"]: e["value"] for e in container(pod)["env"]}


def told(spec: Json | None = None) -> Json:
    """Return what the fetch of such a Model is told."""
    body = orders.config_map(World(spec).model, "principles-vi-fetch-0")
    found: Json = json.loads(body["data"]["spec.json"])
    return found


PODS = {"fetch": job()["spec"]["template"]["spec"], "serve": service()["spec"]["predictor"]}
