"""The serve command: everything is checked that can be before kserve is imported, which takes a second."""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from veriaidpo_predictor import manifest, outcome, registry
from veriaidpo_predictor.batching import Pool
from veriaidpo_predictor.tokens import Trust, TrustError
from veriaidpo_predictor.waiting import Limits

log = logging.getLogger("veriaidpo.serve")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the environment say."""

    directories: tuple[Path, ...]
    host: str
    port: int
    trust: Path | None
    no_auth: bool
    threads: int
    drain_seconds: float


def run(options: Options) -> int:
    """Serve until told to stop. Exit codes: 0 stopped, 1 nothing can be served, 2 started wrongly."""
    if options.trust is None and not options.no_auth:
        return _refuse(2, "Say whose service tokens to trust with --trust FILE, or --no-auth for trying out.")
    if options.threads < 1:
        return _refuse(2, "At least one engine thread is needed.")
    try:
        trust = None if options.trust is None else Trust(options.trust)
        pool = Pool(options.threads)
        models = registry.open_models(options.directories, pool=pool, limits=Limits())
    except TrustError as error:
        return _refuse(2, str(error))
    except manifest.ManifestError as error:
        return _refuse(1, str(error))
    sys.argv[1:] = []  # kserve would read our arguments as its own
    from veriaidpo_predictor.server import Server  # noqa: PLC0415

    served = registry.Registry(models)
    code = Server(
        served, trust=trust, host=options.host, port=options.port, drain_seconds=options.drain_seconds
    ).run()
    pool.stop()
    return _refuse(code, served.reason or "") if code else 0


def _refuse(code: int, message: str) -> int:
    log.error("not served: %s", message)
    outcome.leave_message(outcome.message_of({"reason": "NotServed", "message": message}))
    return code
