"""Runs the product on loopback: hub -> fetch -> predictor -> gateway, and sends each model a sentence.

Everything it starts is the product's own: the models are downloaded and verified by `veriaidpo-predictor
fetch`, served by `veriaidpo-predictor serve`, answered through `veriaidpo-gateway`. State lives in .demo/:
the models stay there, so that a later run downloads nothing; secrets and logs are made anew each time.
"""

import argparse
import contextlib
import datetime as dt
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwt

from processes import LOOPBACK, DemoError, Processes, answers, call, free_port, require_free, wait_until

REPO = Path(__file__).resolve().parents[2]
CATALOGUE = REPO / "charts/veriaidpo/files/catalogue.yaml"
ROLES = ("staff", "auditor", "dpo", "compliance_manager", "admin", "viewer")
AT_A_TIME = 2
"""Models that are fetched at once: making a graph keeps a core busy."""


@contextlib.contextmanager
def only_run(state: Path) -> Iterator[None]:
    """Hold the lock of the state folder; two runs would write the same files."""
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError("Another demo of this checkout is running. Stop it with Ctrl-C first.") from error
        yield


def make_service_key(state: Path) -> tuple[Path, Path]:
    """Write the gateway's private key and the public one that the predictor trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = state / "service-key.pem", state / "service-trust.pem"
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


def calibration_sentences(name: str) -> list[dict[str, str]]:
    """Read what the chart gives a model of the demonstration hub; a tagger has none."""
    file = CATALOGUE.parent / "calibration" / f"{name}.yaml"
    return yaml.safe_load(file.read_text("utf-8")) if file.exists() else []


def fetch(arguments: argparse.Namespace, model: dict[str, Any], hub: str) -> dict[str, Any]:
    """Download, verify and publish one model with the product's own code; return what it reports."""
    spec = {
        "name": model["name"],
        "modelType": model["modelType"],
        "language": model["language"],
        "task": model["task"],
        "labels": model["labels"],
        "maxTokens": 256,
        "source": {"uri": "hf://" + model["demo"]["repo"], "revision": "main"},
        "goldenSentences": model["goldenSentences"],
        "calibrationSentences": calibration_sentences(model["name"]),
    }
    command = [str(arguments.fetch / "veriaidpo-predictor"), "fetch", "--spec", "-"]
    with (arguments.state / "logs" / f"fetch-{model['name']}.log").open("wb") as log:
        done = subprocess.run(
            [*command, "--root", str(arguments.state)],
            input=json.dumps(spec).encode(),
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | {"HF_ENDPOINT": hub, "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK},
            check=False,
        )
    lines = done.stdout.decode().strip().splitlines()
    report: dict[str, Any] = json.loads(lines[-1]) if lines else {"message": "no report"}
    if done.returncode != 0:
        raise DemoError(f"{model['name']} could not be fetched: {report['message']}")
    return report


def as_resource(model: dict[str, Any], digest: str, url: str) -> dict[str, Any]:
    """Return the Model resource as the operator would have left it, for the gateway's routes file."""
    said = ("modelType", "aliases", "language", "task", "labels", "threshold")
    spec = {key: model[key] for key in said if key in model}
    spec["source"] = {"uri": "hf://" + model["demo"]["repo"], "revision": "main"}
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [
        {"type": kind, "status": "True", "reason": "Serving", "message": "", "lastTransitionTime": now}
        for kind in ("Servable", "Ready")
    ]
    status = {
        "conditions": conditions,
        "currentRevision": digest,
        "targetRevision": digest,
        "inferenceService": {"name": model["name"], "url": url, "readyReplicas": 1},
    }
    return {
        "apiVersion": "veriaidpo.verisyntra.vn/v1alpha1",
        "kind": "Model",
        "metadata": {"name": model["name"], "namespace": "demo", "generation": 1},
        "spec": spec,
        "status": status,
    }


def make_token(secret: str, role: str) -> str:
    """Return a token of 24 hours less a minute, the longest the gateway takes."""
    now = int(time.time())
    claims = {"sub": f"demo-{role}", "role": role, "tenant_id": "demo", "iat": now, "exp": now + 86_340}
    token: str = jwt.encode(claims, secret, algorithm="HS256")
    return token


def write_environment(path: Path, url: str, secret: str) -> None:
    """Write the environment file, readable by its owner alone."""
    lines = [f"VERIAIDPO_URL={url}", f"VERIAIDPO_JWT_SECRET={secret}"]
    lines += [f"VERIAIDPO_TOKEN_{role.upper()}={make_token(secret, role)}" for role in ROLES]
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n")


def ask(url: str, token: str, route: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send one request through the gateway; DemoError with its answer when it is not a 200."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    status, said = call(f"{url}/api/v1/veriaidpo/{route}", json.dumps(body).encode(), headers, seconds=30)
    if status != 200:
        raise DemoError(f"/{route} answered HTTP {status}: {said.decode(errors='replace')}")
    answer: dict[str, Any] = json.loads(said)
    return answer


def classify(url: str, secret: str, model: dict[str, Any]) -> bool:
    """Send one of the model's golden sentences; print the answer; return whether it is the right label."""
    golden = model["goldenSentences"][0]
    body = {"text": golden["text"], "model_type": model["modelType"], "language": model["language"]}
    answer = ask(url, make_token(secret, "staff"), "classify", body)
    label = next(label for label in model["labels"] if label["id"] == golden["label"])
    right = bool(answer["prediction"] == label[model["language"]])
    print(f"  {'✓' if right else '✗'} {golden['text']}")
    print(f"      → {answer['prediction']}  ({answer['confidence']:.0%}, {model['name']})")
    return right


def normalise(url: str, secret: str, model: dict[str, Any]) -> bool:
    """Let the names of a golden sentence be replaced; print it; return whether each of its kinds was."""
    golden = max(model["goldenSentences"], key=lambda one: len({span["label"] for span in one["spans"]}))
    body = {"text": golden["text"], "normalize_persons": True, "normalize_locations": True}
    text = ask(url, make_token(secret, "dpo"), "normalize", body)["normalized_text"]
    right = all(f"[{span['label'].upper()}]" in text for span in golden["spans"])
    print(f"  {'✓' if right else '✗'} {golden['text']}")
    print(f"      → {text}  ({model['name']})")
    return right


ASK = {"text-classification": classify, "token-classification": normalise}


def start_hub(arguments: argparse.Namespace, processes: Processes) -> str:
    """Serve the demonstration models over the hub's protocol; return the hub's address."""
    port = free_port()
    command = [str(arguments.gateway / "python"), "-m", "veriaidpo_hub", "--host", LOOPBACK]
    command += ["--port", str(port), "--root", f"veriaidpo-demo={REPO / 'hack/demo/models'}"]
    processes.start("hub", command, {"PYTHONPATH": str(REPO / "hack/hub")})
    hub = f"http://{LOOPBACK}:{port}"
    wait_until(answers(f"{hub}/healthz"), processes, "The hub")
    return hub


def start_predictor(
    arguments: argparse.Namespace, digests: dict[str, str], trust: Path, processes: Processes
) -> str:
    """Serve the published revisions (name -> digest) from one process; return its address."""
    port = free_port()
    command = [str(arguments.predictor / "veriaidpo-predictor"), "serve", "--port", str(port)]
    # No load balancer has to notice that it goes: a person who pressed Ctrl-C waits for nothing.
    command += ["--trust", str(trust), "--drain", "0"]
    command += [
        str(arguments.state / "models" / name / "revisions" / digest) for name, digest in digests.items()
    ]
    processes.start("predictor", command, {})
    url = f"http://{LOOPBACK}:{port}"
    for name in digests:
        wait_until(answers(f"{url}/v2/models/{name}/ready"), processes, f"The predictor of {name}")
    return url


def start_gateway(
    arguments: argparse.Namespace, routes: Path, service_key: Path, secret: str, processes: Processes
) -> str:
    """Serve the public API with an embedded cache; return its origin."""
    inner_port = free_port()
    # Records are proven with the keys of this run, so they begin anew as well.
    records = arguments.state / "records.db"
    records.unlink(missing_ok=True)
    environment = {
        "JWT_SECRET_KEY": secret,
        "RECORDS": "true",
        "RECORDS_KEY": secrets.token_urlsafe(32),
        "DATABASE_URL": f"sqlite:///{records}",
        "SERVICE_KEY_FILE": str(service_key),
        "ROUTES_FILE": str(routes),
        "RATE_LIMIT_PER_SECOND": "0",
        "HOST": LOOPBACK,
        "PORT": str(arguments.port),
        "INNER_PORT": str(inner_port),
    }
    processes.start("gateway", [str(arguments.gateway / "veriaidpo-gateway"), "serve"], environment)
    wait_until(answers(f"http://{LOOPBACK}:{inner_port}/readyz"), processes, "The gateway")
    return f"http://{LOOPBACK}:{arguments.port}"


def start(
    arguments: argparse.Namespace, models: list[dict[str, Any]], processes: Processes
) -> tuple[str, str]:
    """Bring everything up in the order the data flows; return the gateway's origin and the JWT secret."""
    require_free(arguments.port)
    service_key, trust = make_service_key(arguments.state)
    hub = start_hub(arguments, processes)
    digests = {}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for model, report in zip(
            models, pool.map(lambda model: fetch(arguments, model, hub), models), strict=True
        ):
            digests[model["name"]] = report["digest"]
            size, sent = report["sizeBytes"] / 1e6, report["bytesDownloaded"]
            print(f"  {model['name']:24} {size:4.1f} MB, {sent:,} bytes downloaded, verified", flush=True)
    predictor = start_predictor(arguments, digests, trust, processes)
    routes = arguments.state / "models.yaml"
    resources = [as_resource(model, digests[model["name"]], predictor) for model in models]
    routes.write_text(yaml.safe_dump_all(resources, allow_unicode=True))
    secret = secrets.token_urlsafe(32)
    return start_gateway(arguments, routes, service_key, secret, processes), secret


def print_next(url: str, environment: Path) -> None:
    """Print what a person can type now."""
    print(f"""
The gateway listens on {url}; its documentation is at {url}/docs.
In another terminal:

  source {environment}
  curl -s -H "Authorization: Bearer $VERIAIDPO_TOKEN_STAFF" -H 'Content-Type: application/json' \\
    -d '{{"text": "Shopee VN thu thập email khách hàng", "model_type": "principles", "language": "vi"}}' \\
    $VERIAIDPO_URL/api/v1/veriaidpo/classify
  curl -s -H "Authorization: Bearer $VERIAIDPO_TOKEN_AUDITOR" $VERIAIDPO_URL/api/v1/veriaidpo/model-status
  curl -s $VERIAIDPO_URL/api/v1/veriaidpo/health

Ctrl-C stops everything.""")


def run(arguments: argparse.Namespace) -> int:
    """Start, classify, and serve until stopped; with --once return after the answers."""
    models = yaml.safe_load(CATALOGUE.read_text())["models"]
    processes = Processes(arguments.state / "logs")
    environment = arguments.state / "env"
    try:
        begun = time.monotonic()
        print("Fetching the models:")
        url, secret = start(arguments, models, processes)
        print(
            f"Ready after {time.monotonic() - begun:.1f} s. A sentence for each model, through the gateway:"
        )
        right = [ASK[model["task"]](url, secret, model) for model in models]
        if not all(right):
            raise DemoError(f"At least one answer was wrong. See {processes.logs}.")
        if arguments.once:
            return 0
        write_environment(environment, url, secret)
        print_next(url, environment)
        while True:
            processes.require_alive()
            time.sleep(0.5)
    finally:
        environment.unlink(missing_ok=True)
        (arguments.state / "service-key.pem").unlink(missing_ok=True)
        processes.stop()


def main() -> int:
    """Parse the command line, run, and turn failures into one sentence."""
    parser = argparse.ArgumentParser(
        prog="hack/demo/run", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--once", action="store_true", help="check the answers, stop, and exit 0 or 1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8001")), help="default 8001")
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(os.environ.get("STATE", REPO / ".demo")),
        help="folder for models, logs and secrets, default .demo (or $STATE)",
    )
    parser.add_argument("--predictor", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--fetch", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--gateway", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    (arguments.state / "logs").mkdir(parents=True, exist_ok=True)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    # SIGINT, too: a shell without job control has what it starts in the background ignore it.
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, stop)
    try:
        with only_run(arguments.state):
            return run(arguments)
    except DemoError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
