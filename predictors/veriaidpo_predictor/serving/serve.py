"""The serve command: everything is checked that can be before kserve is imported, which takes a second."""

import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from veriaidpo_predictor import manifest, outcome, tracing
from veriaidpo_predictor.computing import memory
from veriaidpo_predictor.computing.batching import Pool
from veriaidpo_predictor.computing.waiting import Limits
from veriaidpo_predictor.serving import rechecking, registry, stand_ins
from veriaidpo_predictor.serving.following import Follower
from veriaidpo_predictor.serving.shared import SharedRegistry
from veriaidpo_predictor.serving.tokens import Trust, TrustError
from veriaidpo_predictor.serving.unfinished import Unfinished

if TYPE_CHECKING:
    from veriaidpo_predictor.serving.server import Server

log = logging.getLogger("veriaidpo.serve")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the environment say."""

    directories: tuple[Path, ...]
    models: Path | None
    unfinished: Path | None
    root: Path
    host: str
    port: int
    trust: Path | None
    no_auth: bool
    threads: int
    drain_seconds: float
    recheck_seconds: float
    """How often what is served is held against what was published."""
    traces: tracing.Settings | None = None


def run(options: Options) -> int:
    """Serve until told to stop. Exit codes: 0 stopped, 1 nothing can be served, 2 started wrongly."""
    if options.trust is None and not options.no_auth:
        return _refuse(2, "Say whose service tokens to trust with --trust FILE, or --no-auth for trying out.")
    if options.threads < 1:
        return _refuse(2, "At least one engine thread is needed.")
    if bool(options.directories) == (options.models is not None):
        return _refuse(
            2, "Say what to serve: revision directories, or a list of models with --models FOLDER."
        )
    try:
        trust = None if options.trust is None else Trust(options.trust)
        memory.keep()
        pool = Pool(options.threads, rest=memory.give_back)
        unfinished = Unfinished(options.unfinished)
        served, load = _models(options, pool, unfinished)
    except TrustError as error:
        return _refuse(2, str(error))
    except manifest.ManifestError as error:
        return _refuse(1, str(error))
    sys.argv[1:] = []  # kserve would read our arguments as its own
    stand_ins.install()
    from veriaidpo_predictor.serving.server import Server  # noqa: PLC0415

    tracer = tracing.open_tracer(options.traces)
    server = Server(
        served,
        trust=trust,
        tracer=tracer,
        host=options.host,
        port=options.port,
        drain_seconds=options.drain_seconds,
        load=load,
    )
    try:
        code = server.run()
    finally:
        if not served.stuck:  # being told to stop is no fault of what was loading; having got stuck may be
            unfinished.stop()
    pool.stop()
    tracer.close()
    return _refuse(code, served.reason or "") if code else 0


def _models(
    options: Options, pool: Pool, unfinished: Unfinished
) -> tuple[registry.Registry, "Callable[[Server], None]"]:
    """Give the registry, and what loads its models once the port is open; raises ManifestError."""
    if options.models is None:
        models = registry.open_models(options.directories, pool=pool, limits=Limits())
        served = registry.Registry(models)

        def load(_server: "Server") -> None:
            served.load_all()
            rechecking.again_and_again(served, options.recheck_seconds, threading.Event())

        return served, load
    shared, folder = SharedRegistry(), options.models

    def follow(server: "Server") -> None:
        follower = Follower(
            folder=folder,
            root=options.root,
            registry=shared,
            open_one=lambda directory: registry.open_one(directory, pool=pool, limits=Limits()),
            serve=server.serve,
            drop=server.drop,
            unfinished=unfinished,
        )
        looking = (shared, options.recheck_seconds, threading.Event())
        threading.Thread(target=rechecking.again_and_again, args=looking, daemon=True).start()
        follower.follow(threading.Event())

    return shared, follow


def _refuse(code: int, message: str) -> int:
    log.error("not served: %s", message)
    outcome.leave_message(outcome.message_of({"reason": "NotServed", "message": message}))
    return code
