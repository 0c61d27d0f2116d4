"""Curves as SVG, drawn without a library: one picture, one axis each way, a line for each series."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 320, 64, 48, 36, 150
_COLOURS = ("#1f5fa8", "#c2571a", "#2e7d4f", "#7b3fa0")


def svg(title: str, x_axis: str, y_axis: str, series: Mapping[str, Points]) -> str:
    """Draw series over a logarithmic x (every x above 0) and a y that begins at 0."""
    xs = sorted({x for points in series.values() for x, _ in points})
    top = _round_up(max(y for points in series.values() for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        span = math.log(xs[-1] / xs[0]) or 1.0
        across = math.log(x / xs[0]) / span * (_WIDTH - _LEFT - _RIGHT)
        return _LEFT + across, _HEIGHT - _BOTTOM - y / top * (_HEIGHT - _BOTTOM - _TOP)

    parts = [_text(_LEFT, 20, title, "start", bold=True)]
    for step in range(5):
        x, y = place(xs[0], top * step / 4)
        parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(_text(x - 6, y + 4, f"{top * step / 4:g}", "end"))
    parts += [_text(place(x, 0)[0], _HEIGHT - _BOTTOM + 16, f"{x:g}", "middle") for x in xs]
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, x_axis, "middle"))
    parts.append(_text(_LEFT, _TOP - 4, y_axis, "end"))
    for (name, points), colour in zip(series.items(), _COLOURS, strict=False):
        placed = [place(x, y) for x, y in sorted(points)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
        parts.append(_text(placed[-1][0] + 8, placed[-1][1] + 4, name, "start", colour=colour))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>{"".join(parts)}</svg>\n'
    )


def draw(path: Path, title: str, x_axis: str, y_axis: str, series: Mapping[str, Points]) -> None:
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg(title, x_axis, y_axis, series))


def _round_up(value: float) -> float:
    """Give 1, 2, 4 or 8 times a power of ten that is not below the value."""
    power = 10 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(step * power for step in (1, 2, 4, 8, 10) if step * power >= value)


def _text(x: float, y: float, said: str, anchor: str, *, bold: bool = False, colour: str = "#222") -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{weight}>{escape(said)}</text>'
    )
