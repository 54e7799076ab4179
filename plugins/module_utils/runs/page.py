# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as one HTML page that needs nothing else. Pure."""

from __future__ import annotations

import time
from typing import List, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.html_page import bullets, cell, date, document, escaped, table
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.history import Past
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.record import SUCCEEDED, Run
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.words import (
    NOBODY_KNOWS,
    against,
    amount,
    duration,
    facts,
    phase_rows,
    slowest_tasks,
    verdict,
)

STYLE = """
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0 1rem; font-size: .85rem }
"""


def page(run: Run, past: Past, planned: Past, steps: Sequence[str]) -> str:
    """The page's whole text.

    :param past: earlier runs of the playbook.
    :param planned: earlier runs of the playbook that the plan is for.
    """
    good = run.outcome == SUCCEEDED
    parts = [
        "<h1>%s</h1>" % escaped(run.playbook),
        '<p class="verdict %s">%s.</p>' % ("passed" if good else "failed", escaped(verdict(run))),
        "<p>%s.</p>" % escaped("; ".join(part for part in (against(run, past), amount(run)) if part)),
        "<p>%s to %s UTC, inventory %s</p>" % (date(run.begin), date(run.end), escaped(", ".join(run.inventory))),
    ]
    parts += ["<p>%s</p>" % escaped(line) for line in facts(run)]
    if run.failures:
        parts.append("<h2>Failed</h2>")
        for one in run.failures:
            parts.append("<p><b>%s</b>: %s (%s)</p>" % tuple(map(escaped, (one.host, one.task, one.phase))))
            parts.append("<pre>%s</pre>" % escaped(one.message))
    if steps:
        parts += ["<h2>Next</h2>", bullets(steps)]
    parts += _plan(run, planned) + _phases(run, past)
    return document(verdict(run), parts, STYLE)


def _plan(run: Run, planned: Past) -> List[str]:
    parts = []
    if run.plan.get("summary"):
        parts += ["<h2>Plan: what changes where</h2>", bullets(run.plan["summary"])]
    phases = run.plan.get("phases") or []
    if phases:
        times = planned.times([phase["name"] for phase in phases])
        rows = [
            [
                cell(number, "number"),
                cell(phase["name"]),
                cell(NOBODY_KNOWS if phase["hosts"] is None else ", ".join(phase["hosts"])),
                cell("" if seconds is None else duration(seconds), "number"),
            ]
            for number, (phase, seconds) in enumerate(zip(phases, times), 1)
        ]
        parts += ["<h2>Plan: in which order</h2>", table(["", "phase", "hosts", "last time"], rows)]
    return parts


def _phases(run: Run, past: Past) -> List[str]:
    if not run.worked:
        return []
    head, *figures = phase_rows(run, past)
    rows = []
    for phase, row in zip(run.worked, figures):
        cells = [cell(_clock(phase.begin)), cell(row[0])]
        for name, value in zip(head[1:], row[1:]):
            cells.append(cell(value, "number failed" if value and name in ("failed", "unreachable") else "number"))
        rows.append(cells + [cell(slowest_tasks([phase]))])
    return ["<h2>Phases</h2>", table(["begun", *head, "slowest tasks"], rows)]


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))
