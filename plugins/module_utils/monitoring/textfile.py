# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text format of Prometheus, for node_exporter's textfile collector. Pure."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence, Tuple

#: Labels and value.
Sample = Tuple[Mapping[str, str], Any]


def render(prefix: str, described: Mapping[str, Tuple[str, str]], samples: Mapping[str, Sequence[Sample]]) -> str:
    """Metrics that have samples, with their help and type."""
    lines: List[str] = []
    for name, (kind, words) in described.items():
        if samples.get(name):
            lines += ["# HELP %s%s %s" % (prefix, name, words), "# TYPE %s%s %s" % (prefix, name, kind)]
            lines += ["%s%s%s %s" % (prefix, name, _labels(labels), _number(value)) for labels, value in samples[name]]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    parts = ['%s="%s"' % (key, _escaped(value)) for key, value in labels.items()]
    return "{%s}" % ",".join(parts) if parts else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _number(value: Any) -> str:
    return "%d" % value if isinstance(value, (bool, int)) else "%g" % value if abs(value) < 1e6 else "%.3f" % value
