"""The plot for the README: webhooks a second by connections, as SVG that reads on light and on dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

_WIDTH, _HEIGHT = 720, 300
_LEFT, _TOP, _BOTTOM = 56, 44, 40
_COLOURS: Final = ("#2f81f7", "#8b949e", "#d29922", "#57ab5a")


def draw_rates(rates: Mapping[str, Mapping[int, float]]) -> str:
    """Grouped bars: a group for each number of connections, a bar for each contender.

    A contender that was measured at one number of connections only, the limit, is a line across.
    """
    bars = {name: by_load for name, by_load in rates.items() if len(by_load) > 1}
    lines = {name: next(iter(by_load.values())) for name, by_load in rates.items() if len(by_load) == 1}
    top = _round_up(max(rate for by_load in rates.values() for rate in by_load.values()))
    parts = [*_axis(top), *_legend([*bars, *lines])]
    loads = sorted({load for by_load in bars.values() for load in by_load})
    group = (_WIDTH - _LEFT) / max(len(loads), 1)
    width = group * 0.7 / max(len(bars), 1)
    for column, load in enumerate(loads):
        left = _LEFT + group * (column + 0.15)
        for number, (name, by_load) in enumerate(bars.items()):
            rate = by_load.get(load, 0.0)
            x, y = left + number * width, _y(rate, top)
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width - 3:.1f}" height="{_y(0, top) - y:.1f}" rx="2" '
                f'fill="{_COLOURS[number]}"><title>{escape(name)}: {rate:.0f}/s</title></rect>'
                f'<text x="{x + width / 2 - 1.5:.1f}" y="{y - 4:.1f}" text-anchor="middle">{rate:,.0f}</text>'
            )
        label = f"{load} connection{'s' if load > 1 else ''}"
        middle = _LEFT + group * (column + 0.5)
        parts.append(f'<text x="{middle:.1f}" y="{_HEIGHT - 18}" text-anchor="middle">{label}</text>')
    for number, rate in enumerate(lines.values(), start=len(bars)):
        y = _y(rate, top)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_COLOURS[number]}" '
            f'stroke-width="2" stroke-dasharray="6 4"/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="Webhooks credited a second" font-family="system-ui, sans-serif" font-size="11" '
        f'fill="#768390">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _axis(top: float) -> list[str]:
    parts = []
    for step in range(5):
        rate = top * step / 4
        y = _y(rate, top)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#76839040"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{rate:,.0f}</text>'
        )
    return parts


def _legend(names: list[str]) -> list[str]:
    parts = [f'<text x="{_LEFT}" y="14" font-weight="bold">Webhooks verified and credited a second</text>']
    x = float(_LEFT)
    for colour, name in zip(_COLOURS, names, strict=False):
        parts.append(
            f'<rect x="{x:.0f}" y="21" width="10" height="10" rx="2" fill="{colour}"/>'
            f'<text x="{x + 15:.0f}" y="30">{escape(name)}</text>'
        )
        x += 34 + 6.2 * len(name)
    return parts


def _y(rate: float, top: float) -> float:
    return _TOP + (1 - rate / top) * (_HEIGHT - _TOP - _BOTTOM)


def _round_up(value: float) -> float:
    """To a number that divides into four steps that are easy to read."""
    step = 1.0
    while step * 40 < value:
        step *= 10
    return next(step * count for count in (4, 8, 12, 16, 20, 24, 32, 40) if step * count >= value)
