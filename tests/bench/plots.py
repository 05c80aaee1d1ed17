"""Plots as SVG, in a few lines of our own: readable on a light and on a dark page, no program needed to make them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 46, 52
_LEGEND_PX = 20
_BAR_PX, _BAR_GAP_PX = 34, 26
_NAME_PX = 170
_TICKS = 6
# Told apart in both schemes, and by people who see fewer colours (Okabe and Ito, Color Universal Design).
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#b8a800", "#8c6bb1", "#999999")
_STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px }
.grid { stroke: #8b949e; stroke-opacity: .35 }
.limit { stroke: #24292f; stroke-dasharray: 6 4 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .limit { stroke: #e6edf3 } }
</style>"""

Points = Sequence[tuple[float, float]]


def lines(
    title: str, x_title: str, y_title: str, series: Mapping[str, Points], limit: tuple[str, float] | None = None
) -> str:
    """A plot of lines through points, both axes from 0; `limit` is a dashed line with its name."""
    top_x = _ceiling(max(x for points in series.values() for x, _y in points))
    top_y = _ceiling(max([y for points in series.values() for _x, y in points] + [limit[1] if limit else 0.0]))
    height = _HEIGHT + _LEGEND_PX * math.ceil(len(series) / 3)
    width_px, height_px = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        """Where a point is."""
        return _LEFT + x / top_x * width_px, _TOP + (1 - y / top_y) * height_px

    parts = [_text(_LEFT, 24, title, "title")]
    for tick in _ticks(top_y):
        x, y = at(0, tick)
        parts.append(_line(x, y, _LEFT + width_px, y, "grid"))
        parts.append(_text(x - 8, y + 4, _number(tick), anchor="end"))
    for tick in _ticks(top_x):
        x, y = at(tick, 0)
        parts.append(_line(x, y, x, _TOP, "grid"))
        parts.append(_text(x, y + 18, _number(tick), anchor="middle"))
    parts.append(_text(_LEFT + width_px / 2, _HEIGHT - 12, x_title, anchor="middle"))
    parts.append(_text(_LEFT, _TOP - 6, y_title))
    if limit:
        x, y = at(0, limit[1])
        parts.append(_line(x, y, _LEFT + width_px, y, "limit"))
        parts.append(_text(_LEFT + width_px, y - 6, limit[0], anchor="end"))
    for colour, points in zip(_colours(len(series)), series.values(), strict=True):
        places = [at(x, y) for x, y in points]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    parts += _legend(list(series), _HEIGHT + 4)
    return _svg(height, title, parts)


def stacked_bars(title: str, x_title: str, bars: Mapping[str, Mapping[str, float]]) -> str:
    """Horizontal bars from 0, each made of parts by name; the whole is written at a bar's end."""
    names = list(dict.fromkeys(name for parts in bars.values() for name in parts))
    colours = dict(zip(names, _colours(len(names)), strict=True))
    top = _ceiling(max(sum(parts.values()) for parts in bars.values()) * 1.05)
    body_px = len(bars) * (_BAR_PX + _BAR_GAP_PX)
    bottom = _TOP + body_px
    width_px = _WIDTH - _NAME_PX - _RIGHT - 30
    scale = width_px / top
    parts = [_text(_RIGHT, 24, title, "title")]
    for tick in _ticks(top):
        x = _NAME_PX + tick * scale
        parts.append(_line(x, _TOP, x, bottom, "grid"))
        parts.append(_text(x, bottom + 18, _number(tick), anchor="middle"))
    parts.append(_text(_NAME_PX + width_px / 2, bottom + 40, x_title, anchor="middle"))
    for number, (name, stages) in enumerate(bars.items()):
        y, x = _TOP + _BAR_GAP_PX / 2 + number * (_BAR_PX + _BAR_GAP_PX), float(_NAME_PX)
        parts.append(_text(_NAME_PX - 10, y + _BAR_PX / 2 + 5, name, anchor="end"))
        for stage, value in stages.items():
            tip = escape(f"{stage}: {value:.2f}")
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{value * scale:.1f}" height="{_BAR_PX}"'
                f' fill="{colours[stage]}"><title>{tip}</title></rect>'
            )
            x += value * scale
        parts.append(_text(x + 6, y + _BAR_PX / 2 + 5, f"{sum(stages.values()):.1f}"))
    parts += _legend(names, bottom + 56)
    return _svg(bottom + 56 + _LEGEND_PX * math.ceil(len(names) / 3), title, parts)


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    """The document around what was drawn."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}"'
        f' height="{height:.0f}" role="img" aria-label="{escape(title, quote=True)}">'
    )
    return "\n".join([head, _STYLE, *parts, "</svg>"]) + "\n"


def _legend(names: Sequence[str], y: float) -> list[str]:
    """Name and colour of each series, three in a row."""
    parts = []
    for number, (name, colour) in enumerate(zip(names, _colours(len(names)), strict=True)):
        x, line = _LEFT + number % 3 * 230, y + number // 3 * _LEGEND_PX
        parts.append(f'<rect x="{x}" y="{line:.1f}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(x + 18, line + 11, name))
    return parts


def _colours(count: int) -> list[str]:
    """As many colours, the same ones again when there are not enough."""
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    """A piece of text."""
    css = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{css}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _ceiling(value: float) -> float:
    """The next number above that makes good ticks."""
    step = _step(value)
    return math.ceil(value / step - 1e-9) * step


def _ticks(top: float) -> list[float]:
    """From 0 to `top`, a round number apart."""
    step = _step(top)
    return [number * step for number in range(math.floor(top / step + 1e-9) + 1)]


def _step(value: float) -> float:
    """1, 2 or 5 times a power of ten, so that some six of them make `value`."""
    if value <= 0:
        return 1.0
    rough = value / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _number(value: float) -> str:
    """A tick's label."""
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
