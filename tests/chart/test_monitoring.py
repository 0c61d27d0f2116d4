"""What Prometheus and Grafana are told: only what exists, with a way on for whoever is woken up."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..tables import kept
from .conftest import REPO, render
from .exported import samples, unknown

PAGE = "https://wiki.example/veriaidpo/alerts"
MONITORED = (
    "monitoring.rules.enabled=true",
    f"monitoring.rules.runbookUrl={PAGE}",
    "monitoring.podMonitors.enabled=true",
    "monitoring.dashboard.enabled=true",
)
CASES = yaml.safe_load((Path(__file__).parent / "alerts.yaml").read_text())
JOBS = {"G": "aidpo/veriaidpo-gateway", "P": "aidpo/veriaidpo-predictors", "O": "aidpo/veriaidpo-operator"}


def spec(kind: str, *settings: str) -> dict[str, Any]:
    (found,) = (item["spec"] for item in render(*MONITORED, *settings) if item["kind"] == kind)
    return found


def alerts(*settings: str) -> dict[str, dict[str, Any]]:
    rules = [rule for group in spec("PrometheusRule", *settings)["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def queries() -> list[tuple[str, str]]:
    """Every query of the rules and of the dashboard, with the name of what asks."""
    rules = [rule for group in spec("PrometheusRule")["groups"] for rule in group["rules"]]
    asked = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules]
    return asked + [(panel["title"], one["expr"]) for panel in panels() for one in panel["targets"]]


def panels() -> list[dict[str, Any]]:
    (item,) = (
        i for i in render(*MONITORED) if i["kind"] == "ConfigMap" and "dashboard" in i["metadata"]["name"]
    )
    shown = json.loads(item["data"]["veriaidpo.json"])["panels"]
    return [panel for panel in shown if panel["type"] != "row"]


def test_without_a_word_nothing_of_it_is_made() -> None:
    made = {item["kind"] for item in render()}
    assert not made & {"PodMonitor", "ServiceMonitor", "PrometheusRule"}


def test_queries_ask_only_for_what_is_exported() -> None:
    assert {name: missing for name, query in queries() if (missing := unknown(query))} == {}


def test_that_check_finds_what_is_not_exported() -> None:
    assert unknown('rate(veriaidpo_requests{job="a"}[5m])') == ["veriaidpo_requests"]
    assert unknown('veriaidpo_model_ready{tenant="a"}') == ["veriaidpo_model_ready{tenant}"]
    assert unknown('veriaidpo_request_seconds_bucket{model="a",le="1.0"}') == []


def test_most_of_what_is_exported_is_on_the_dashboard() -> None:
    shown = " ".join(query for _, query in queries())
    unseen = {re.sub("_(total|bucket|sum|count)$", "", name) for name in samples() if name not in shown}
    seen = {re.sub("_(total|bucket|sum|count)$", "", name) for name in samples() if name in shown}
    assert len(seen) > 3 * len(unseen - seen)


@pytest.mark.parametrize("port", ["inner", "metrics", "http1"])
def test_the_pods_have_the_ports_that_are_scraped(port: str) -> None:
    monitors = [item["spec"] for item in render(*MONITORED) if item["kind"] == "PodMonitor"]
    (monitor,) = (one for one in monitors if one["podMetricsEndpoints"][0]["port"] == port)
    wanted = monitor["selector"]["matchLabels"]
    if port != "http1":
        (pod,) = (
            item["spec"]["template"]
            for item in render()
            if item["kind"] == "Deployment"
            and wanted.items() <= item["spec"]["template"]["metadata"]["labels"].items()
        )
        assert port in {one["name"] for one in pod["spec"]["containers"][0]["ports"]}
        return
    source = "".join(path.read_text() for path in (REPO / "operator/veriaidpo_operator").rglob("*.py"))
    for text in (port, *wanted, *wanted.values()):
        assert f'"{text}"' in source


def test_every_alert_tells_both_languages_and_where_to_read_on() -> None:
    headings = re.findall(r"^### (\w+)$", (REPO / "docs/alerts.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(alerts())
    for name, alert in alerts().items():
        assert alert["annotations"]["runbook_url"] == f"{PAGE}#{name.lower()}"
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["summary_vi"]
        assert alert["labels"]["severity"] in {"critical", "warning"}


def test_where_a_chapter_leads_to_is_there() -> None:
    page = REPO / "docs/alerts.md"
    links = re.findall(r"\]\(([^)#]*)#([^)]+)\)", page.read_text())
    assert len(links) > 5
    for file, anchor in links:
        target = page.parent / file if file else page
        headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}


def test_what_is_not_there_is_not_alerted_about() -> None:
    alone = alerts("redis.enabled=false", "postgresql.enabled=false", "gateway.replicas=1")
    assert set(alerts()) - set(alone) == {
        "VeriAIDPORedisAway",
        "VeriAIDPOCompaniesAway",
        "VeriAIDPODatabaseFills",
    }


def test_objectives_decide_what_burns() -> None:
    default = alerts()["VeriAIDPOErrorBudgetBurnsFast"]["expr"]
    strict = alerts("monitoring.rules.availabilityPercent=99.99")["VeriAIDPOErrorBudgetBurnsFast"]["expr"]
    assert re.findall(r"> ([0-9.]+)", default) == ["0.0144", "0.0144", "0.006", "0.006"]
    assert re.findall(r"> ([0-9.]+)", strict) == ["0.00144", "0.00144", "0.0006", "0.0006"]


@pytest.mark.parametrize("index", ["0.3", "1"])
def test_how_far_answers_may_drift_is_a_value(index: str) -> None:
    assert alerts()["VeriAIDPOAnswersDrift"]["expr"].endswith(" > 0.25")
    told = alerts(f"monitoring.rules.driftIndex={index}")
    assert told["VeriAIDPOAnswersDrift"]["expr"].endswith(f" > {index}")


@pytest.mark.parametrize(("seconds", "bound"), [("0.25", "0.25"), ("1", "1.0"), ("2.5", "2.5")])
def test_the_time_that_is_allowed_is_a_bound_that_the_gateway_counts_by(seconds: str, bound: str) -> None:
    rules = str(spec("PrometheusRule", f"monitoring.rules.latencySeconds={seconds}"))
    assert set(re.findall(r'le="([^"]+)"', rules)) == {bound}
    counted = (REPO / "gateway/veriaidpo_gateway/metrics.py").read_text()
    assert re.search(rf"[( ]{re.escape(seconds)}[,)]", counted)


def series(text: str) -> str:
    return re.sub(r"\{([GPO])\b", lambda found: f'{{job="{JOBS[found[1]]}"', text)


def case(name: str, which: str) -> dict[str, Any]:
    """One of promtool's tests: what is alerted at that time, of that name."""
    given = CASES[name][which]
    expected = []
    if which.startswith("firing"):
        labels = {key: JOBS.get(value, value) for key, value in given["labels"].items()}
        expected = [{"exp_labels": labels}]
    return {
        "name": f"{name} {which}",
        "interval": given.get("every", "1m"),
        "input_series": [
            {"series": series(one), "values": values} for one, values in given["series"].items()
        ],
        "alert_rule_test": [{"eval_time": given["at"], "alertname": name, "exp_alerts": expected}],
    }


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(REPO / "hack/prometheus"), "promtool", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode == 69:
        pytest.skip(done.stderr.splitlines()[-1])
    return done


def test_every_alert_fires_when_it_should_and_is_silent_when_not(tmp_path: Path) -> None:
    assert sorted(CASES) == sorted(alerts())
    rules = spec("PrometheusRule")
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("annotations", None)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    assert all({"firing", "silent"} <= set(cases) for cases in CASES.values())
    tests = [case(name, which) for name, cases in CASES.items() for which in cases]
    files = []
    for interval in sorted({test["interval"] for test in tests}):
        these = [test for test in tests if test["interval"] == interval]
        body = {"rule_files": ["rules.yaml"], "evaluation_interval": interval, "tests": these}
        files.append(tmp_path / f"every-{interval}.yaml")
        files[-1].write_text(yaml.safe_dump(body))
    done = promtool("test", "rules", *map(str, files))
    assert done.returncode == 0, done.stdout + done.stderr
    with kept("operations") as body:
        body["alerts"] = {"defined": len(alerts()), "tested": len(CASES)}


def test_what_alerts_say_can_be_filled_in(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec("PrometheusRule")))
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(tmp_path / "rules.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_model_that_is_not_ready_is_alerted_about_with_the_reason_of_now(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec("PrometheusRule")))
    test = case("VeriAIDPOModelNotReady", "firing-whatever-its-reason")
    told = alerts()["VeriAIDPOModelNotReady"]["annotations"]
    text = {name: re.sub(r"\{\{ with.*\}\}\.$", "Downloading.", said) for name, said in told.items()}
    text = {name: said.replace("{{ $labels.model }}", "legal-basis-vi") for name, said in text.items()}
    assert "has not answered everywhere: Downloading." in text["summary"]
    test["alert_rule_test"][0]["exp_alerts"][0]["exp_annotations"] = text
    body = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(body))
    done = promtool("test", "rules", str(tmp_path / "test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
