"""The pods of a release: those that the chart has, and those that the operator makes."""

import copy

from ...operator.world import World
from ..rendered import Json
from .test_models import WHOLE, made

OF_KSERVE = {"minReplicas", "maxReplicas", "deploymentStrategy", "labels", "annotations"}
"""What an InferenceService's predictor has besides the fields of a pod."""


def templates_of(objects: list[Json]) -> list[Json]:
    """Give every pod that there may be, as a template."""
    found = [_template(one) for one in objects if one["kind"] in {"Deployment", "StatefulSet", "Job"}]
    found += [one for one in objects if one["kind"] == "Pod"]
    for one in made(World(WHOLE).model):
        if one["kind"] == "Job":
            found.append(_template(one))
        elif one["kind"] == "InferenceService":
            found.append(_served(one))
    return found


def component(of: Json) -> str:
    """Tell which part of the product a pod is."""
    return str(of["metadata"]["labels"]["app.kubernetes.io/component"])


def _template(of: Json) -> Json:
    """Give the pod of an object, with the claims that a StatefulSet adds to it."""
    found: Json = copy.deepcopy(of["spec"]["template"])
    for claim in of["spec"].get("volumeClaimTemplates", ()):
        name = claim["metadata"]["name"]
        source = {"name": name, "persistentVolumeClaim": {"claimName": name}}
        found["spec"].setdefault("volumes", []).append(source)
    return found


def _served(service: Json) -> Json:
    predictor = service["spec"]["predictor"]
    labels = {**service["metadata"]["labels"], **predictor.get("labels", {})}
    spec = {key: value for key, value in predictor.items() if key not in OF_KSERVE}
    return {"metadata": {"labels": labels}, "spec": spec}
