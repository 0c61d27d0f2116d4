"""Builders of the objects a Model has. Pure: same input, same object.

Here is what all of them share, and the claim; jobs.py has the fetch Job, serving.py the InferenceService.
"""

import hashlib
import json

from veriaidpo_operator.api import GROUP, KIND, MANAGER, MODEL_LABEL, VERSION, Json, Model
from veriaidpo_operator.objects.children import Child, Claim
from veriaidpo_operator.objects.quantity import exceeds


def labels(model: Model) -> Json:
    """Return the labels every child carries; a Model that comes again finds its claim by them."""
    return {
        "app.kubernetes.io/managed-by": MANAGER,
        "app.kubernetes.io/part-of": "veriaidpo",
        MODEL_LABEL: model.name,
    }


def owner(model: Model) -> Json:
    """Return the ownerReference by which the garbage collector removes a child with its Model."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "name": model.name,
        "uid": model.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def ours(child: Child, model: Model) -> bool:
    """Tell whether an object was made for a Model of this name by this operator."""
    return child.labels.get(MODEL_LABEL) == model.name and (
        child.labels.get("app.kubernetes.io/managed-by") == MANAGER
    )


def anothers(child: Child, model: Model) -> bool:
    """Tell whether an object belongs to a former Model of the same name, or is going."""
    return child.deleting or (bool(child.owners) and model.uid not in child.owners)


def claim_name(model: Model) -> str:
    """Return the name of the claim the Model wants."""
    return model.spec.storage.claim_name or own_claim_name(model)


def own_claim_name(model: Model) -> str:
    """Return the name of the claim that is made for a Model that names none."""
    return f"{model.name}-model"


def claim(model: Model) -> Json:
    """Build the Model's own claim; it has an owner only when it shall go with the Model."""
    new = model.spec.storage.create
    size = str(new.size) if new else "2Gi"
    spec: Json = {
        "accessModes": list(new.access_modes) if new else ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    if new and new.storage_class_name is not None:
        spec["storageClassName"] = new.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim_name(model),
            "namespace": model.namespace,
            "labels": labels(model),
            "ownerReferences": [owner(model)] if model.spec.storage.reclaim_policy == "Delete" else [],
        },
        "spec": spec,
    }


def growth(model: Model, claim: Claim) -> str | None:
    """Return the size that a claim is to grow to; None when it is as large as the Model wants, or larger."""
    new = model.spec.storage.create
    if new is None or not claim.requested or not exceeds(new.size, claim.requested):
        return None
    return str(new.size)


def digest(value: object) -> str:
    """Return the SHA-256 of canonical JSON, 64 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
