# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outages from single probes. Pure: times are seconds of one clock, and the order of the records does not matter."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Sequence

#: After so many intervals without any probe nobody can say that the endpoint was there: silence of the prober counts as outage.
BLIND_INTERVALS = 10


class Sample(NamedTuple):
    """One request: when it was sent, how long it took, and whether it got its answer in time."""

    at: float
    seconds: float
    ok: bool
    error: str = ""


class Gap(NamedTuple):
    """A time between two good requests during which some failed, or none was sent."""

    begin: float
    end: float
    failed: int

    @property
    def seconds(self) -> float:
        return self.end - self.begin


def gaps(samples: Iterable[Sample], begin: float, end: float, interval: float) -> List[Gap]:
    """The outages between ``begin`` and ``end``: from the sending of one good request to that of the next good one.

    So the figure is never smaller than the outage was, and by no more than two intervals larger.
    """
    inside = sorted(sample for sample in samples if begin <= sample.at <= end)
    found: List[Gap] = []
    last_good = begin
    failed = 0
    for sample in inside:
        if not sample.ok:
            failed += 1
            continue
        if failed or sample.at - last_good > BLIND_INTERVALS * interval:
            found.append(Gap(last_good, sample.at, failed))
        last_good, failed = sample.at, 0
    if failed or end - last_good > BLIND_INTERVALS * interval:
        found.append(Gap(last_good, end, failed))
    return found


def outage(samples: Sequence[Sample], begin: float, end: float, interval: float) -> Dict[str, Any]:
    """longest and total seconds, and the single gaps."""
    found = gaps(samples, begin, end, interval)
    return {
        "longest": round(max((gap.seconds for gap in found), default=0.0), 3),
        "total": round(sum(gap.seconds for gap in found), 3),
        "gaps": [{"begin": gap.begin, "end": gap.end, "seconds": round(gap.seconds, 3), "failed": gap.failed} for gap in found],
    }


def counted(samples: Iterable[Sample], begin: float, end: float) -> Dict[str, Any]:
    """sent, failed, the latencies of the good ones (median, 99 % and most, in seconds), and the errors by how often they came."""
    inside = [sample for sample in samples if begin <= sample.at <= end]
    latencies = sorted(sample.seconds for sample in inside if sample.ok)
    errors: Dict[str, int] = {}
    for sample in inside:
        if not sample.ok:
            errors[sample.error] = errors.get(sample.error, 0) + 1
    return {
        "sent": len(inside),
        "failed": len(inside) - len(latencies),
        "latency": {"median": _share(latencies, 0.5), "p99": _share(latencies, 0.99), "most": _share(latencies, 1.0)},
        "errors": dict(sorted(errors.items(), key=lambda pair: -pair[1])),
    }


def _share(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 4) if ordered else 0.0
