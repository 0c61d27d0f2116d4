"""First figures of the installed product: start to Ready, latency through the ingress, memory.

Every figure is a median with its range, measured on the machine it runs on; docs/performance.md quotes them.
"""

import os
import statistics
import time
from collections.abc import Callable

import httpx
import yaml
from bench import figures
from bench.figures import machine, spread
from e2e.cluster import CHART, DEMO_MODELS, HOST, NAMESPACE, CommandError, get, helm, kubectl, run
from e2e.parts import predictor, ready_pods

REQUESTS = 300
ROUNDS = 3

Row = tuple[str, str, str]  # what, figure, how it was measured


def install() -> None:
    """Install the release unless it is there, and wait until every model is Ready."""
    try:
        helm("status", "veriaidpo")
    except CommandError:
        run("kubectl", "create", "namespace", NAMESPACE)
        helm("install", "veriaidpo", str(CHART), "--set", "demoHub.enabled=true")
    kubectl("wait", "--for=condition=Ready", "models", "--all", "--timeout=300s", timeout=310)


def pod(selector: str) -> str:
    """Return the name of a running pod."""
    items = get("pods", "-l", selector, "--field-selector", "status.phase=Running")["items"]
    name: str = next(p for p in items if not p["metadata"].get("deletionTimestamp"))["metadata"]["name"]
    return name


PREDICTOR = predictor("principles-vi")
PARTS = {
    "gateway": "app.kubernetes.io/component=gateway",
    "operator": "app.kubernetes.io/component=operator",
    "predictor (one demonstration model)": PREDICTOR,
    "redis": "app.kubernetes.io/component=redis",
    "hub": "app.kubernetes.io/component=hub",
}


def until_ready_again(selector: str) -> float:
    """Delete a pod; return the seconds until another one in its place is Ready, once the first has gone."""
    old = pod(selector)
    kubectl("delete", "pod", old, "--wait=false")
    begun = time.monotonic()
    while not set(ready_pods(selector)) - {old}:
        time.sleep(0.2)
    seconds = time.monotonic() - begun
    kubectl("wait", "--for=delete", f"pod/{old}", "--timeout=60s")
    return seconds


def start_to_ready() -> list[Row]:
    """Seconds from a predictor pod's creation to Ready, its model on its volume."""
    seconds = [until_ready_again(PREDICTOR) for _ in range(ROUNDS)]
    return [
        ("predictor pod, start to Ready", spread(seconds, "s"), f"{ROUNDS} pods deleted, one after another")
    ]


def latency() -> list[Row]:
    """Milliseconds of one caller through the ingress; `cached` asks one sentence again and again."""
    token = kubectl("exec", "deploy/veriaidpo-gateway", "--", "veriaidpo-gateway", "token", "--role", "staff")
    headers = {"Host": HOST, "Authorization": f"Bearer {token.strip()}"}
    entry = yaml.safe_load((CHART / "files/catalogue.yaml").read_text())["models"][0]
    text = entry["goldenSentences"][0]["text"]
    questions: dict[str, Callable[[int], str]] = {
        "not cached": lambda i: f"{text} ({time.time_ns()}.{i})",
        "cached": lambda _: text,
    }
    rows = []
    with httpx.Client(base_url=os.environ["INGRESS"], headers=headers, timeout=35, trust_env=False) as client:
        for what, question in questions.items():
            times = [timed(client, question(i), cached=what == "cached") for i in range(REQUESTS)][20:]
            p50, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
            figure = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"
            rows.append((f"classify through the ingress, {what}, 1 caller", figure, f"{len(times)} requests"))
    return rows


def timed(client: httpx.Client, text: str, *, cached: bool) -> float:
    """Return the milliseconds of one request; AssertionError when it did not measure what it should."""
    begun = time.perf_counter()
    answer = client.post("/api/v1/veriaidpo/classify", json={"text": text})
    elapsed = (time.perf_counter() - begun) * 1000
    assert answer.status_code == 200, answer.text
    assert cached or not answer.json()["cached"]
    # One user may ask 100 times a second; a lone caller of cached answers is faster than that.
    time.sleep(max(0.0, 0.012 - elapsed / 1000))
    return elapsed


def memory() -> list[Row]:
    """RSS of each part's first process, after the requests above."""
    rows = []
    for name, selector in PARTS.items():
        status = kubectl("exec", pod(selector), "--", "cat", "/proc/1/status")
        kilobytes = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
        rows.append((f"memory, {name}", f"{kilobytes * 1024 / 1e6:.0f} MB RSS", "/proc/1/status"))
    return rows


def write(rows: list[Row]) -> None:
    """Put the rows where figures go."""
    figures.merge({what: {"figure": figure, "how": how, "machine": machine()} for what, figure, how in rows})
    figures.table("figures", ["what", "figure", "how"], rows)


def main() -> None:
    """Measure everything, one after another, printing as it goes."""
    install()
    rows: list[Row] = []
    for part in (start_to_ready, latency, memory):
        for row in part():
            rows.append(row)
            print(f"{row[0]}: {row[1]}", flush=True)
    write(rows)
    print(f"models: {', '.join(DEMO_MODELS)}; written to build/bench.json and docs/performance.md")


if __name__ == "__main__":
    main()
