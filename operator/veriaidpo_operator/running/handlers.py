"""What kopf calls: everything that happens to a Model or to what serves it pokes that Model, and no more.

Only event handlers are used. Handlers for creation, change or deletion, timers and daemons would have kopf
keep its own memory in annotations, and put a finalizer on every Model, so that no Model could be deleted once
the operator has gone. All memory is in the Model's status, and what a Model owns goes by ownerReferences.
"""

import asyncio
import logging
from typing import Any

import kopf

from veriaidpo_operator.api import GROUP, MODEL_LABEL, PLURAL, VERSION
from veriaidpo_operator.objects.places import SHARED_LABEL
from veriaidpo_operator.running.engine import Engine
from veriaidpo_operator.running.sharers import Sharers
from veriaidpo_operator.settings import Settings

_CHILDREN = (
    ("batch", "v1", "jobs"),
    ("", "v1", "pods"),
    ("", "v1", "persistentvolumeclaims"),
)
"""What is watched of what a Model owns.

InferenceServices are not: kopf ends the whole operator when a kind that it watches leaves the cluster, as
KServe's may. Their pods tell of them at once, a rollout is looked at every few seconds, and every Model each
RESYNC_SECONDS.
"""


def register(registry: kopf.OperatorRegistry, engine: Engine) -> None:
    """Register all handlers."""
    sharers = Sharers()

    async def startup(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)
        engine.start()

    async def cleanup(**_: Any) -> None:
        await engine.stop()

    async def model_changed(body: kopf.Body, **_: Any) -> None:
        for key in sharers.model_changed(body):
            engine.poke(key)

    async def child_changed(labels: kopf.Labels, **_: Any) -> None:
        engine.poke(labels[MODEL_LABEL])

    async def shared_child_changed(body: kopf.Body, **_: Any) -> None:
        for key in sharers.child_changed(body):
            engine.poke(key)

    async def last_reconcile_age_seconds(**_: Any) -> float:
        return engine.age()

    kopf.on.login(registry=registry)(login)
    kopf.on.startup(registry=registry)(startup)
    kopf.on.cleanup(registry=registry)(cleanup)
    kopf.on.probe(registry=registry, id="last_reconcile_age_seconds")(last_reconcile_age_seconds)
    kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(model_changed)
    for group, version, plural in _CHILDREN:
        kopf.on.event(group, version, plural, registry=registry, labels={MODEL_LABEL: kopf.PRESENT})(
            child_changed
        )
        kopf.on.event(group, version, plural, registry=registry, labels={SHARED_LABEL: kopf.PRESENT})(
            shared_child_changed
        )


def login(**arguments: Any) -> kopf.ConnectionInfo | None:
    """Log in with the pod's service account, or with KUBECONFIG outside of a cluster."""
    return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)


def configure(settings: kopf.OperatorSettings) -> None:
    """Set what kopf would otherwise choose for itself."""
    # A watch that has died silently is the commonest way for an operator to stop working: end each in time.
    settings.watching.server_timeout = 120
    settings.watching.client_timeout = 150
    settings.watching.connect_timeout = 5
    settings.watching.reconnect_backoff = 2
    settings.networking.request_timeout = 15
    settings.networking.connect_timeout = 5
    # Namespaced rights only: neither resource definitions nor namespaces are watched.
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.posting.enabled = False
    # Nothing should be stored in annotations; were it ever, then under names of our own.
    settings.persistence.finalizer = f"{GROUP}/operator"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=f"operator.{GROUP}")
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(
        prefix=f"operator.{GROUP}", key="last"
    )


def run(settings: Settings, engine: Engine, stop: asyncio.Event) -> None:
    """Run kopf until it is told to stop."""
    registry = kopf.OperatorRegistry()
    register(registry, engine)
    for chatty in ("kopf.objects", "kopf.activities", "aiohttp.access"):  # a line for each probe helps nobody
        logging.getLogger(chatty).setLevel(logging.WARNING)
    kopf.run(
        registry=registry,
        standalone=True,
        namespaces=[settings.namespace],
        liveness_endpoint=f"http://0.0.0.0:{settings.liveness_port}/healthz",
        stop_flag=stop,
    )
