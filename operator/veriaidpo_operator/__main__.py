"""Keeps the Models of one namespace downloaded, verified and served.

  veriaidpo-operator                  run, with settings from the environment
  veriaidpo-operator crd apply FILE   bring the definition of Models up to date ('-': from standard input)

Settings: NAMESPACE, PREDICTOR_IMAGE and FETCH_IMAGE are needed. TORCH_PREDICTOR_IMAGE, IMAGE_PULL_POLICY,
IMAGE_PULL_SECRETS, SHARED_RESOURCES, SCHEDULING, HF_ENDPOINT, HUB_TOKEN_SECRET, HUB_TOKEN_KEY,
SOURCE_SCHEMES, SOURCE_HOSTS, SOURCE_HOSTS_INSIDE, SOURCE_HTTPS_PROXY, SOURCE_NO_PROXY, SOURCE_CA_CONFIGMAP,
SERVICE_TRUST_CONFIGMAP, FETCH_RETRY_SECONDS, MAX_DOWNLOADS, RESYNC_SECONDS, POLL_SECONDS,
PENDING_GRACE_SECONDS, STALLED_SECONDS, TRACES_ENDPOINT, TRACES_RATIO, LIVENESS_PORT, METRICS_PORT,
LOG_LEVEL and MESSAGE_LANGUAGE (of conditions and events: en, vi) have defaults.
"""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from veriaidpo_operator.cluster import apiserver, crd, progress, readiness
from veriaidpo_operator.cluster.live import Cluster
from veriaidpo_operator.objects import hosting
from veriaidpo_operator.running import handlers
from veriaidpo_operator.running.engine import Engine
from veriaidpo_operator.running.metrics import Metrics
from veriaidpo_operator.running.reconcile import Reconciler
from veriaidpo_operator.settings import Settings, SettingsError, read


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        if parsed.command == "crd":
            return crd.apply(apiserver.connect(""), parsed.file)
        return run(read(os.environ))
    except (SettingsError, crd.CrdError) as error:
        print(f"veriaidpo-operator: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="veriaidpo-operator", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("run", help="run the operator (the default)")
    crds = commands.add_parser("crd", help="the definition of Models in the cluster").add_subparsers(
        dest="verb", required=True
    )
    apply = crds.add_parser(
        "apply", help="bring the definition of Models up to date, and wait until it is served"
    )
    apply.add_argument("file", nargs="?", default="-", help="YAML; '-', the default, is standard input")
    return parser


def run(settings: Settings) -> int:
    """Run the operator until it is told to end (0), or has stalled (1)."""
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stalled = []
    stop = asyncio.Event()

    def on_stalled() -> None:
        stalled.append(True)
        stop.set()

    metrics = Metrics()
    try:
        metrics.serve(settings.metrics_port)
    except OSError as error:
        raise SettingsError(f"METRICS_PORT={settings.metrics_port}: {error.strerror}") from error
    cluster = Cluster(
        apiserver.connect(settings.namespace, metrics.called),
        settings,
        ask=progress.ask,
        hear=readiness.ask,
        states=hosting.ask,
    )
    engine = Engine(
        Reconciler(cluster, settings, lambda: datetime.now(UTC), metrics),
        cluster.names,
        resync_seconds=settings.resync_seconds,
        stalled_seconds=settings.stalled_seconds,
        on_stalled=on_stalled,
    )
    handlers.run(settings, engine, stop)
    return 1 if stalled else 0


if __name__ == "__main__":
    sys.exit(main())
