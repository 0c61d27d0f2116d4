"""A gateway put together of its parts."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.types import ASGIApp

from veriaidpo_gateway.classification.cache import Cache, LocalEntries, RedisEntries
from veriaidpo_gateway.classification.classify import DEADLINE, Deps
from veriaidpo_gateway.classification.forgetting import Forgotten
from veriaidpo_gateway.companies.registry import CompanyRegistry
from veriaidpo_gateway.companies.store import CompanyStore
from veriaidpo_gateway.database.connecting import Database
from veriaidpo_gateway.errors import ErrorCode, GatewayError, load_messages
from veriaidpo_gateway.http import company_routes, record_routes, revoking
from veriaidpo_gateway.http.edge import Edge
from veriaidpo_gateway.http.health import Parts, inner_app
from veriaidpo_gateway.http.public import public_app
from veriaidpo_gateway.identity import tokens
from veriaidpo_gateway.identity.access import Caller
from veriaidpo_gateway.identity.keyring import AwaitKeys, KeyRing, key_ring
from veriaidpo_gateway.identity.revocations import Revocations
from veriaidpo_gateway.identity.verified import Verified
from veriaidpo_gateway.limiting.limits import Limits
from veriaidpo_gateway.metrics import Metrics
from veriaidpo_gateway.models.predictor import Predictors
from veriaidpo_gateway.models.routes import Routes
from veriaidpo_gateway.models.sources import Source
from veriaidpo_gateway.models.tagging import Tagger
from veriaidpo_gateway.normalisation.legal_forms import load_legal_forms
from veriaidpo_gateway.records.counts import Counts
from veriaidpo_gateway.records.opening import open_records
from veriaidpo_gateway.records.recorder import Recorder
from veriaidpo_gateway.redis.store import Store
from veriaidpo_gateway.settings import Settings
from veriaidpo_gateway.token_settings import TokenSettings
from veriaidpo_gateway.tracing import Tracer

_log = logging.getLogger(__name__)


class Upkeep(Protocol):
    """Something that has to be refreshed while the gateway runs."""

    @property
    def every(self) -> float:
        """Seconds until the next time."""

    async def refresh(self) -> None:
        """Bring it up to date; never raises."""


@dataclass(frozen=True, slots=True)
class Apps:
    """Both applications of a gateway: the public one, and the one for the kubelet and Prometheus.

    Whoever serves them refreshes what is in `upkeep`: once before, then each at its own pace.
    """

    public: ASGIApp
    inner: ASGIApp
    upkeep: tuple[Upkeep, ...]
    recorder: Recorder | None = None
    """Closed when no request comes any more, so that nothing that was answered is missing."""


def create_apps(
    settings: Settings,
    *,
    source: Source,
    store: Store | None,
    database: Database,
    record_database: Database | None = None,
    predictors: Predictors,
    tracer: Tracer | None = None,
    draining: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.time,
    deadline: float = DEADLINE,
) -> Apps:
    """Put a gateway together; InvalidSettingsError when a key cannot be read. Nothing is started.

    Records are kept in `record_database`, or where companies are.
    """
    messages, metrics = load_messages(), Metrics()
    company_store = CompanyStore(database)
    companies = CompanyRegistry(company_store, load_legal_forms())
    revocations = Revocations(store, longest=settings.tokens.max_lifetime, clock=clock)
    if store is not None:
        store.refused = lambda error: metrics.redis_refused.labels(error).inc()
    ring = key_ring(settings.tokens)
    routes = _current(source)
    counts = Counts(metrics.records_stored, metrics.records_spooled, metrics.records_lost)
    limits = Limits(settings.limits, store)
    records = open_records(settings.records, record_database or database, counts, limits)
    recorder = records.recorder if records else None
    forgotten = Forgotten(store, ttl=settings.cache.ttl, clock=clock)
    deps = Deps(
        verify=_verifier(settings.tokens, ring, revocations, clock),
        limits=limits,
        routes=routes,
        normaliser=companies,
        cache=Cache(
            settings.cache,
            RedisEntries(store) if store else LocalEntries(),
            refused=metrics.cache_refused.inc,
        ),
        predictors=predictors,
        tagger=Tagger(predictors, routes),
        recorder=recorder,
        cached_as=(records.sweeper if records else forgotten).cached_as,
        tag_questions=settings.normaliser_model_for_classify,
        deadline=deadline,
    )
    if store is not None and settings.cache.key is None:
        _log.warning("CACHE_KEY is not set: replicas do not share results, and a restart forgets them")
    parts = Parts(source, store, companies, ring.state, recorder)
    public: ASGIApp = public_app(
        deps,
        parts,
        messages,
        revoking.router(deps, revocations, clock),
        company_routes.router(deps, company_store),
        record_routes.router(deps, records or forgotten, messages.detail),
    )
    upkeep: tuple[Upkeep, ...] = (revocations, companies)
    upkeep = (*upkeep, records.recorder, records.sweeper) if records else (*upkeep, forgotten)
    if ring.remote is not None:
        public, upkeep = AwaitKeys(public, ring, ring.remote), (*upkeep, ring.remote)
    # A rollout with a wrong JWKS_URL stops at its first pod: one that can believe nobody is not ready.
    inner = inner_app(parts, metrics, lambda: draining() or not ring.complete)
    return Apps(Edge(public, messages=messages, metrics=metrics, tracer=tracer), inner, upkeep, recorder)


def _verifier(
    settings: TokenSettings, ring: KeyRing, revocations: Revocations, clock: Callable[[], float]
) -> Callable[[str | None], Caller]:
    known = Verified()

    def verify(authorization: str | None) -> Caller:
        try:
            return tokens.verify(
                authorization, ring(), settings, clock(), revoked=revocations.revoked, known=known
            )
        except GatewayError:
            # A good token looks like a bad one as long as its key was never fetched.
            if ring.complete or tokens.unverified_kid(authorization) is None:
                raise
            raise GatewayError(ErrorCode.NOT_STARTED, headers={"Retry-After": "5"}) from None

    return verify


def _current(source: Source) -> Callable[[], Routes]:
    def current() -> Routes:
        routes = source.current()
        if routes is None:
            raise GatewayError(ErrorCode.NOT_STARTED, headers={"Retry-After": "5"})
        return routes

    return current
