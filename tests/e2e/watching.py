"""A Prometheus of the test's own, told what the chart's PodMonitors and PrometheusRule say."""

import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from .cluster import NAMESPACE, REPO, CommandError, eventually, get, run

MONITORED = ("podMonitors", "rules", "dashboard")


def rendered(kind: str) -> list[dict[str, Any]]:
    """Return what the chart makes of one kind where all of its monitoring is wanted."""
    flags = [part for one in MONITORED for part in ("--set", f"monitoring.{one}.enabled=true")]
    flags += ["--set", "monitoring.rules.runbookUrl=https://wiki.example/alerts"]
    chart = ("template", "veriaidpo", "charts/veriaidpo", "--namespace", NAMESPACE)
    text = run(str(REPO / "hack/helm"), *chart, "--set", "demoHub.enabled=true", *flags)
    return [item for item in yaml.safe_load_all(text) if item and item["kind"] == kind]


def scraped(monitor: dict[str, Any]) -> dict[str, Any]:
    """Say to Prometheus what the Prometheus operator would, of one PodMonitor."""
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    chosen = [
        {
            "action": "keep",
            "source_labels": [f"__meta_kubernetes_pod_label_{re.sub('[^a-zA-Z0-9]', '_', label)}"],
            "regex": value,
        }
        for label, value in monitor["spec"]["selector"]["matchLabels"].items()
    ]
    port = "__meta_kubernetes_pod_container_port_name"
    return {
        "job_name": f"{NAMESPACE}/{monitor['metadata']['name']}",
        "metrics_path": endpoint["path"],
        "file_sd_configs": [{"files": ["pods.json"]}],
        "relabel_configs": [
            *chosen,
            {"action": "keep", "source_labels": [port], "regex": endpoint["port"]},
            {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "pod"},
        ],
    }


def found() -> list[dict[str, Any]]:
    """Return every port of every pod, labelled as by the discovery that Debian's build leaves out."""
    return [
        {
            "targets": [f"{pod['status']['podIP']}:{port['containerPort']}"],
            "labels": {
                "__meta_kubernetes_pod_name": pod["metadata"]["name"],
                "__meta_kubernetes_pod_container_port_name": port.get("name", ""),
                **{
                    f"__meta_kubernetes_pod_label_{re.sub('[^a-zA-Z0-9]', '_', label)}": value
                    for label, value in pod["metadata"]["labels"].items()
                },
            },
        }
        for pod in get("pods")["items"]
        if pod["status"]["phase"] == "Running" and "podIP" in pod["status"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
    ]


def discovering(file: Path, stop: threading.Event) -> None:
    """Keep a file of what is found until it is told to stop."""
    while not stop.wait(1):
        with suppress(CommandError):
            fresh = file.with_suffix(".part")
            fresh.write_text(json.dumps(found()))
            fresh.rename(file)


def hurried(rule: dict[str, Any]) -> dict[str, Any]:
    """Return the spec of a PrometheusRule whose alerts wait for two seconds."""
    spec: dict[str, Any] = json.loads(json.dumps(rule["spec"]))
    for group in spec["groups"]:
        for one in group["rules"]:
            if "for" in one:
                one["for"] = "2s"
    return spec


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that listens on loopback."""

    address: str

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return the result of a query, as series with their newest value."""
        answer = httpx.get(f"{self.address}/api/v1/query", params={"query": query}, trust_env=False)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        return {one["metric"]["alertname"] for one in self.ask('ALERTS{alertstate="firing"}')}


@contextmanager
def prometheus(folder: Path) -> Iterator[Prometheus]:
    """Run one, scraping every second, until the block ends."""
    (rule,) = rendered("PrometheusRule")
    (folder / "rules.yaml").write_text(yaml.safe_dump(hurried(rule)))
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [scraped(monitor) for monitor in rendered("PodMonitor")],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(settings))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(REPO / "hack/prometheus"), "prometheus", f"--web.listen-address=127.0.0.1:{port}"]
    command += [f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data"]
    direct = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    stop = threading.Event()
    thread = threading.Thread(target=discovering, args=(folder / "pods.json", stop))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=direct)
    thread.start()
    try:
        told = Prometheus(f"http://127.0.0.1:{port}")
        ready = f"{told.address}/-/ready"
        eventually(lambda: httpx.get(ready, trust_env=False).status_code == 200, "Prometheus is ready", 60)
        yield told
    finally:
        process.terminate()
        process.wait(30)
        stop.set()
        thread.join()
