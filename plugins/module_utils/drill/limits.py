# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits that a drill fails over: their names, defaults, and what was broken. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.faults import NAMES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, did_you_mean


class Limit(NamedTuple):
    """``path``: where the figure stands in a fault's result; ``default`` is None where there is no limit unless one is set."""

    path: str
    words: str
    unit: str
    default: Optional[float]


LIMITS: Dict[str, Limit] = {
    "outage_seconds": Limit("outage.longest", "longest outage of the endpoint", " s", 3),
    "total_outage_seconds": Limit("outage.total", "outage of the endpoint in all", " s", None),
    "failed_probes": Limit("probes.failed", "failed probes", "", None),
    "write_outage_seconds": Limit("write_outage.longest", "longest time without an acknowledged write", " s", None),
    "failed_writes": Limit("writes.failed", "failed writes", "", None),
    "lost_writes": Limit("lost_writes", "acknowledged writes lost", "", 0),
    "heal_seconds": Limit("heal_seconds", "time from the end of the fault until the cluster was healthy", " s", 300),
}


def check_limits(limits: Mapping[str, Any]) -> List[Problem]:
    """What is wrong with the names and values."""
    problems = []
    for name, value in limits.items():
        if name in NAMES:
            if isinstance(value, Mapping):
                for inner, number in value.items():
                    problems += _check("%s.%s" % (name, inner), str(inner), number, tuple(LIMITS))
            else:
                problems.append(
                    Problem("drill_limits.%s" % name, "%r is no mapping of limits" % (value,), "write {outage_seconds: 3}")
                )
        else:
            problems += _check(str(name), str(name), value, tuple(LIMITS) + NAMES)
    return problems


def _check(path: str, name: str, value: Any, known: Any) -> List[Problem]:
    if name not in LIMITS:
        meant = did_you_mean(name, known)
        return [Problem("drill_limits.%s" % path, "there is no such limit", "write %s" % (meant or "some of " + ", ".join(LIMITS)))]
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0):
        return []
    return [Problem("drill_limits.%s" % path, "%r is no number from 0 on" % (value,), "write a number, or null for no limit")]


def limits_of(fault: str, limits: Mapping[str, Any]) -> Dict[str, Optional[float]]:
    """The limits of one fault: its own, before those for all, before the defaults."""
    own = limits.get(fault)
    given = {**limits, **(own if isinstance(own, Mapping) else {})}
    return {name: given.get(name, limit.default) for name, limit in LIMITS.items()}


def broken(result: Mapping[str, Any], limits: Mapping[str, Optional[float]]) -> List[str]:
    """A sentence for each limit that a fault's result exceeds. A figure that is missing where it is limited breaks the limit."""
    sentences = []
    for name, most in limits.items():
        if most is None:
            continue
        limit = LIMITS[name]
        value: Any = result
        for part in limit.path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is None:
            sentences.append("%s: not known (limit %g%s)" % (limit.words, most, limit.unit))
        elif value > most:
            sentences.append("%s: %g%s (limit %g%s)" % (limit.words, round(value, 3), limit.unit, most, limit.unit))
    return sentences
