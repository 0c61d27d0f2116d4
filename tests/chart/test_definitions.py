"""Objects of kinds that a cluster may not know: said before the API server refuses the whole release."""

from typing import Any

import pytest

from .conftest import CHART, RenderError, helm, render

EVERY_CLUSTER = "apiregistration.k8s.io/v1"
"""What every API server has, and Helm does not count among the kinds where it sees none."""

PODMONITOR = "monitoring.coreos.com/v1/PodMonitor"
RULE = "monitoring.coreos.com/v1/PrometheusRule"
ROUTE = "gateway.networking.k8s.io/v1/HTTPRoute"
MONITORS = ("monitoring.podMonitors.enabled=true",)
RULES = ("monitoring.rules.enabled=true", "monitoring.rules.runbookUrl=https://wiki.example/alerts")
ROUTES = ("httpRoute.enabled=true", "httpRoute.parentRefs[0].name=public")
KINDS = pytest.mark.parametrize(
    ("settings", "kind"),
    [(MONITORS, PODMONITOR), (RULES, RULE), (ROUTES, ROUTE)],
    ids=["pods", "rules", "route"],
)


def on_a_cluster(settings: tuple[str, ...], *kinds: str) -> str:
    """Return what Helm renders for a cluster that knows these kinds besides Kubernetes' own."""
    flags: list[Any] = [flag for setting in settings for flag in ("--set", setting)]
    flags += [flag for kind in (EVERY_CLUSTER, *kinds) for flag in ("--api-versions", kind)]
    return helm("template", "veriaidpo", str(CHART), *flags)


@KINDS
def test_where_the_cluster_does_not_know_a_kind_the_way_out_is_said(
    settings: tuple[str, ...], kind: str
) -> None:
    others = {PODMONITOR, RULE, ROUTE} - {kind}
    switch = settings[0].removesuffix("=true")
    with pytest.raises(RenderError, match=f"{switch} makes .* no definition of, {kind}: install that first"):
        on_a_cluster(settings, *others)


@KINDS
def test_where_it_does_they_are_made(settings: tuple[str, ...], kind: str) -> None:
    assert f"\nkind: {kind.rpartition('/')[2]}\n" in on_a_cluster(settings, kind)


@KINDS
def test_where_nobody_can_tell_they_are_made(settings: tuple[str, ...], kind: str) -> None:
    assert kind.rpartition("/")[2] in {item["kind"] for item in render(*settings)}


def test_who_asks_for_none_of_them_needs_none() -> None:
    assert on_a_cluster(())
