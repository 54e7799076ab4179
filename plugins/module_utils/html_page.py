# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our HTML pages have in common: a head, a style and tables that need nothing from elsewhere, every text escaped. Pure."""

from __future__ import annotations

import html
import time
from typing import Any, Iterable, List, Sequence

STYLE = """
:root { color-scheme: light; --ink: #1c2126; --soft: #5b6670; --line: #d7dde2; --good: #22776b; --bad: #c22f2f; --band: #e9ad2f; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); margin: 2rem auto; max-width: 1240px; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin-top: 2rem } p { color: var(--soft); margin: .3rem 0 }
.verdict { font-weight: 600 } .passed { color: var(--good) } .failed { color: var(--bad) }
.scroll { overflow-x: auto } svg { min-width: 900px; width: 100%; height: auto; font: 11px system-ui, sans-serif }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top }
th { font-weight: 600; font-size: .85rem; color: var(--soft) } td.number { text-align: right; white-space: nowrap }
"""


def escaped(value: Any) -> str:
    return html.escape(str(value))


def date(at: float) -> str:
    """Of seconds since 1970, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def document(title: str, body: Iterable[str], style: str = "") -> str:
    """A whole page.

    :param body: HTML.
    :param style: CSS for what only this page has.
    """
    head = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        "<title>%s</title><style>%s</style></head><body>" % (escaped(title), STYLE + style),
    ]
    return "\n".join([*head, *body, "</body></html>", ""])


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls by itself where the page is narrow.

    :param names: of the columns, as text.
    :param rows: each row's cells, made by ``cell``.
    """
    lines: List[str] = ["<tr>%s</tr>" % "".join("<th>%s</th>" % escaped(name) for name in names)]
    lines += ["<tr>%s</tr>" % "".join(cells) for cells in rows]
    return '<div class="scroll"><table>%s</table></div>' % "\n".join(lines)


def cell(value: Any = "", kind: str = "") -> str:
    """A cell with this text.

    :param kind: ``number``, ``passed`` or ``failed``.
    """
    return "<td%s>%s</td>" % (' class="%s"' % kind if kind else "", escaped(value))


def bullets(lines: Iterable[Any]) -> str:
    return "<ul>%s</ul>" % "".join("<li>%s</li>" % escaped(line) for line in lines)
