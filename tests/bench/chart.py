# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots as SVG in the manner of docs/pictures, on axes that are both logarithmic."""

from __future__ import annotations

import math
from typing import NamedTuple, Sequence

WIDTH, HEIGHT = 680, 380
LEFT, RIGHT, TOP, BOTTOM = 70, 650, 64, 330
#: Classes of lines and marks, one for each series.
COLOURS = ("#0969da", "#9a6700", "#1a7f37")
STYLE = """\
    .paper { fill: #ffffff; stroke: #d0d7de }
    .grid { stroke: #d0d7de; fill: none }
    text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #1f2328; text-anchor: middle }
    .title { font-weight: 600 }
    .small { font-size: 11px; fill: #57606a }
    .left { text-anchor: start }
    .right { text-anchor: end }
"""


class Series(NamedTuple):
    """A line of a plot: points of x and y, both above 0."""

    name: str
    points: list[tuple[float, float]]


class Axis(NamedTuple):
    """A logarithmic axis: its ends by value, and by place in the picture."""

    least: float
    most: float
    begin: float
    end: float

    def place(self, value: float) -> float:
        """Where a value is in the picture."""
        share = math.log(value / self.least) / math.log(self.most / self.least)
        return round(self.begin + share * (self.end - self.begin), 1)


def ticks(values: Sequence[float]) -> list[float]:
    """1, 3, 10, 30 and so on, from the last that is below all values to the first that is above."""
    exponents = range(math.floor(math.log10(min(values))) - 1, math.ceil(math.log10(max(values))) + 1)
    steps = [float(f"{digit}e{power}") for power in exponents for digit in (1, 3)]
    first = max(step for step in steps if step <= min(values))
    last = min(step for step in [*steps, steps[-1] * 10] if step >= max(values))
    return [step for step in steps if first <= step <= last]


def chart(title: str, x_name: str, y_name: str, series: Sequence[Series]) -> str:
    """The plot, with a mark for each point and the value of the last one of each line."""
    series = [one for one in series if one.points]
    x_ticks = ticks([x for one in series for x, _y in one.points])
    y_ticks = ticks([y for one in series for _x, y in one.points])
    across, up = Axis(x_ticks[0], x_ticks[-1], LEFT, RIGHT), Axis(y_ticks[0], y_ticks[-1], BOTTOM, TOP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">',
        f"  <title>{title}</title>",
        f"  <style>\n{STYLE}  </style>",
        f'  <rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"/>',
        f'  <text class="title" x="{WIDTH / 2:g}" y="22">{title}</text>',
    ]
    for tick in x_ticks:
        lines.append(f'  <path class="grid" d="M{across.place(tick)} {TOP} V{BOTTOM}"/>')
        lines.append(f'  <text class="small" x="{across.place(tick)}" y="{BOTTOM + 16}">{tick:,g}</text>')
    for tick in y_ticks:
        lines.append(f'  <path class="grid" d="M{LEFT} {up.place(tick)} H{RIGHT}"/>')
        lines.append(f'  <text class="small right" x="{LEFT - 6}" y="{up.place(tick) + 4:g}">{tick:,g} {y_name}</text>')
    lines.append(f'  <text class="small" x="{(LEFT + RIGHT) / 2:g}" y="{BOTTOM + 34}">{x_name}</text>')
    for number, (one, colour) in enumerate(zip(series, COLOURS)):
        places = [(across.place(x), up.place(y)) for x, y in one.points]
        path = " L".join(f"{x} {y}" for x, y in places)
        lines.append(f'  <path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += [f'  <circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in places]
        x, y = places[-1]
        # To the left of the last mark and above the line, where a line that rises leaves room.
        lines.append(f'  <text class="small right" x="{x - 8:g}" y="{y - 4:g}">{one.points[-1][1]:,.0f} {y_name}</text>')
        key = LEFT + number * 200
        lines.append(f'  <circle cx="{key + 4}" cy="42" r="3.5" fill="{colour}"/>')
        lines.append(f'  <text class="small left" x="{key + 12}" y="46">{one.name}</text>')
    return "\n".join([*lines, "</svg>", ""])
