# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML page that needs nothing else: figures, and a timeline of probes, writes and faults. Pure."""

from __future__ import annotations

import math
from typing import Any, Iterable, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.measure import Sample
from ansible_collections.baremetal.kubernetes.plugins.module_utils.html_page import bullets, cell, date, document, escaped, table

WIDTH, LEFT, RIGHT = 1200, 70, 20
TOP, PLOT, LANE = 60, 240, 26
HEIGHT = TOP + PLOT + 3 * LANE + 40
#: Latencies from one millisecond on, by their logarithm: an outage of seconds and a handshake of milliseconds in one picture.
LEAST, MOST = 0.001, 10.0


def page(report: Mapping[str, Any], probes: Sequence[Sample], writes: Sequence[Sample]) -> str:
    """The page's whole text."""
    passed = report["passed"]
    parts = [
        "<h1>Drill of cluster %s</h1>" % escaped(report["cluster"]),
        '<p class="verdict %s">%s</p>' % ("passed" if passed else "failed", _verdict(report)),
        "<p>%s to %s UTC. Endpoint %s; %s every %g ms, an answer within %g s; a write every %g ms, within %g s.</p>"
        % (
            date(report["begin"]),
            date(report["end"]),
            escaped(report["endpoint"]),
            escaped(report["path"]),
            1000 * report["probe_interval"],
            report["probe_timeout"] or 0,
            1000 * report["write_interval"],
            report["write_timeout"] or 0,
        ),
        '<h2>Timeline</h2><div class="scroll">%s</div>' % timeline(report, probes, writes),
        "<h2>Faults</h2>",
        _table(report),
        "<h2>Limits</h2>",
        "<p>%s</p>" % escaped("; ".join("%s %g" % pair for pair in report["limits"].items() if pair[1] is not None)),
    ]
    for title, lines in (
        ("Left out", ["%s: %s" % (entry["fault"], entry["reason"]) for entry in report["left_out"]]),
        ("Stopped", report["stopped"]),
        ("Notes", report["notes"]),
    ):
        if lines:
            parts += ["<h2>%s</h2>" % title, bullets(lines)]
    return document("Drill of %s: %s" % (report["cluster"], "passed" if passed else "failed"), parts)


def timeline(report: Mapping[str, Any], probes: Sequence[Sample], writes: Sequence[Sample]) -> str:
    """The SVG: latency of each probe over time, failed ones on top, faults as bands, writes in a lane below."""
    begin, end = float(report["begin"]), max(float(report["end"]), float(report["begin"]) + 1)

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(max(at, begin), end) - begin) / (end - begin)

    def y(seconds: float) -> float:
        share = math.log(min(max(seconds, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
        return TOP + PLOT * (1 - share)

    parts = ['<svg viewBox="0 0 %d %d" role="img" aria-label="Timeline of the drill">' % (WIDTH, HEIGHT)]
    parts += _bands(report["faults"], x)
    parts += _axes(begin, end, x, y)
    dot = 'fill="none" stroke-linecap="round"'
    good = [(x(sample.at), y(sample.seconds)) for sample in probes if sample.ok]
    failed = [(x(sample.at), TOP - 6.0) for sample in probes if not sample.ok]
    parts.append('<path class="good" d="%s" stroke="var(--good)" stroke-width="2.4" %s/>' % (_dots(good), dot))
    parts.append('<path class="bad" d="%s" stroke="var(--bad)" stroke-width="5" %s/>' % (_dots(failed), dot))
    lane = TOP + PLOT + LANE
    done = [(x(sample.at), float(lane)) for sample in writes if sample.ok]
    undone = [(x(sample.at), float(lane + 12)) for sample in writes if not sample.ok]
    parts.append('<path class="written" d="%s" stroke="var(--good)" stroke-width="2.4" %s/>' % (_dots(done), dot))
    parts.append('<path class="unwritten" d="%s" stroke="var(--bad)" stroke-width="5" %s/>' % (_dots(undone), dot))
    for text, height in (("failed", TOP - 2), ("writes", lane + 4), ("failed", lane + 16)):
        parts.append('<text x="%d" y="%d" text-anchor="end" fill="var(--soft)">%s</text>' % (LEFT - 8, height, text))
    return "\n".join(parts + ["</svg>"])


def _bands(faults: Iterable[Mapping[str, Any]], x: Any) -> List[str]:
    parts = []
    for number, fault in enumerate(faults):
        left = x(fault["injected"] or fault["begin"])
        right = x(fault["restored"] or fault["until"])
        healed = x(fault["healthy"] or fault["until"])
        bottom = PLOT + 2 * LANE
        area = '<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="var(--band)" opacity="%s"><title>%s</title></rect>'
        parts.append(area % (left, TOP - 12, max(1, right - left), bottom, "0.35", escaped(fault["what"])))
        parts.append(area % (right, TOP - 12, max(0, healed - right), bottom, "0.12", "until all was healthy again"))
        # Names of neighbours stand on two lines, so that short faults don't write over each other.
        parts.append('<text x="%.1f" y="%d" font-weight="600">%s</text>' % (left, 16 + 16 * (number % 2), escaped(fault["fault"])))
    return parts


def _axes(begin: float, end: float, x: Any, y: Any) -> List[str]:
    parts = []
    for seconds, text in ((0.001, "1 ms"), (0.01, "10 ms"), (0.1, "100 ms"), (1.0, "1 s"), (10.0, "10 s")):
        line = '<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="var(--line)"/>'
        parts.append(line % (LEFT, WIDTH - RIGHT, y(seconds), y(seconds)))
        parts.append('<text x="%d" y="%.1f" text-anchor="end" fill="var(--soft)">%s</text>' % (LEFT - 8, y(seconds) + 4, text))
    step = next((step for step in (5, 10, 20, 30, 60, 120, 300, 600) if (end - begin) / step <= 14), 1800)
    for number in range(int((end - begin) // step) + 1):
        at = x(begin + number * step)
        label = "%d:%02d" % divmod(number * step, 60)
        parts.append('<text x="%.1f" y="%d" text-anchor="middle" fill="var(--soft)">%s</text>' % (at, HEIGHT - 12, label))
    return parts


def _table(report: Mapping[str, Any]) -> str:
    head = (
        "fault|what was done|longest outage|outage in all|failed probes|failed writes|longest without a write|lost writes|"
        "healthy after|limits"
    )
    rows = []
    for fault in [dict(report["before"], fault="before the first", what="nothing", heal_seconds=0, broken=None)] + list(
        report["faults"]
    ):
        heal = fault["heal_seconds"]
        numbers = [
            "%.2f s" % fault["outage"]["longest"],
            "%.2f s" % fault["outage"]["total"],
            "%d of %d" % (fault["probes"]["failed"], fault["probes"]["sent"]),
            "%d of %d" % (fault["writes"]["failed"], fault["writes"]["sent"]),
            "%.2f s" % fault["write_outage"]["longest"],
            "unknown" if fault["lost_writes"] is None else str(fault["lost_writes"]),
            "never" if heal is None else "%.0f s" % heal,
        ]
        cells = [cell(fault["fault"]), cell(fault["what"])] + [cell(number, "number") for number in numbers]
        if fault["broken"] is None:
            cells.append(cell())
        elif fault["broken"]:
            cells.append(cell("; ".join(fault["broken"]), "failed"))
        else:
            cells.append(cell("kept", "passed"))
        rows.append(cells)
    return table(head.split("|"), rows)


def _verdict(report: Mapping[str, Any]) -> str:
    keys = report["keys"] or {}
    words = "%d keys were acknowledged, %s of them lost." % (
        keys.get("acknowledged", 0),
        len(keys["lost"]) if "lost" in keys else "nobody knows how many",
    )
    if report["passed"]:
        return escaped("Passed: every fault stayed within its limits. " + words)
    over = sum(1 for fault in report["faults"] if fault["broken"])
    why = "; ".join(report["stopped"]) or (
        "%d of %d faults over a limit" % (over, len(report["faults"])) if over else "see the notes"
    )
    return escaped("Failed: %s. %s" % (why.rstrip("."), words))


def _dots(points: Iterable[Any]) -> str:
    return "".join("M%.1f %.1fh0" % point for point in points)
