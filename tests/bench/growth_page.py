"""What growth_bench found, as tables and pictures of docs/performance.md."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench import curves, figures
from tables import REPO

_PICTURES = REPO / "docs/growth"
_SHOWN = {"tokens": ("tokens",), "callers": ("callers", "latency"), "models": ("models",), "replicas": ()}
"""The pictures beside each table."""


def write(found: Mapping[str, Any]) -> None:
    """Write the tables between their marks, and the pictures."""
    for what, said in (("tokens", "tokens a text, one caller"), ("callers", "callers, the mixture")):
        columns = [said, "requests/s", "p50 ms", "p99 ms", "CPU ms a request", "engine's share of it"]
        rows = [
            [
                str(one[what]), str(one["requests_per_second"]), f"{one['p50_ms']:.0f}",
                f"{one['p99_ms']:.0f}", str(one["cpu_ms_per_request"]), f"{one['engine_share']:.0%}",
            ]
            for one in found[what]
        ]  # fmt: skip
        figures.table(f"growth by {what}", columns, rows, note=_shown(*_SHOWN[what]))
    for what, said in (
        ("models", "models in one process, a caller each"),
        ("replicas", "predictors of one model, 32 callers in all"),
    ):
        rows = [
            [str(one[key]) for key in (what, "requests_per_second", "pss_mb", "rss_mb")]
            for one in found[what]
        ]
        columns = [said, "requests/s", "PSS MB", "RSS MB"]
        figures.table(f"growth by {what}", columns, rows, note=_shown(*_SHOWN[what]))
    columns = ["layers, one caller, 32 tokens", "p50 ms", "p99 ms", "CPU ms a request", "PSS MB"]
    keys = ("layers", "p50_ms", "p99_ms", "cpu_ms_per_request", "pss_mb")
    figures.table("growth by layers", columns, [[str(one[key]) for key in keys] for one in found["layers"]])
    figures.table("load", ["to reach", "wanted", "measured"], _checks(found))
    _draw(found)


def _checks(found: Mapping[str, Any]) -> list[list[str]]:
    by_callers = {one["callers"]: one for one in found["callers"]}
    crowd = by_callers[128]["requests_per_second"] / (by_callers[32]["requests_per_second"] or 1)
    mixed, flood = found["long_among_short"], found["flood"]
    return [
        ["engine's share of the CPU time, 32 callers", "≥ 85 %", f"{by_callers[32]['engine_share']:.0%}"],
        ["requests a second with 128 callers, of those with 32", "≥ 95 %", f"{crowd:.0%}"],
        [
            "p99 of short texts with one long in ten, of theirs without", "< 2",
            f"{mixed['ratio']:.2f} ({mixed['p99_ms_mixed']:.0f} and {mixed['p99_ms_alone']:.0f} ms)",
        ],
        [
            "p99 of a model's 4 callers beside 64 of another in its process, of theirs beside 4", "< 1.5",
            f"{flood['ratio']:.2f} ({flood['p99_ms_flooded']:.0f} and {flood['p99_ms_beside']:.0f} ms)",
        ],
        [
            "of theirs with nobody else on the two cores", "",
            f"{flood['ratio_alone']:.2f} ({flood['p99_ms_alone']:.0f} ms)",
        ],
    ]  # fmt: skip


def _shown(*names: str) -> str:
    return " ".join(f"![by {name}](growth/{name}.svg)" for name in names)


def _draw(found: Mapping[str, Any]) -> None:
    def points(what: str, key: str) -> Sequence[tuple[float, float]]:
        return [(one[what], one[key]) for one in found[what]]

    curves.draw(
        _PICTURES / "tokens.svg", "One caller, texts of more tokens", "tokens a text", "ms",
        {"p50": points("tokens", "p50_ms"), "CPU time": points("tokens", "cpu_ms_per_request")},
    )  # fmt: skip
    curves.draw(
        _PICTURES / "callers.svg", "More callers, the mixture", "callers", "requests/s",
        {"answers": points("callers", "requests_per_second")},
    )  # fmt: skip
    curves.draw(
        _PICTURES / "latency.svg", "More callers, the mixture", "callers", "ms",
        {"p50": points("callers", "p50_ms"), "p99": points("callers", "p99_ms")},
    )  # fmt: skip
    curves.draw(
        _PICTURES / "models.svg", "More models in one process", "models", "MB",
        {"PSS": points("models", "pss_mb"), "RSS": points("models", "rss_mb")},
    )  # fmt: skip
