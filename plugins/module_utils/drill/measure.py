# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outages from single probes. Pure: times are seconds of one clock, and the order of the records does not matter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
    """A time from one good answer to the next during which a request was sent that failed, or nothing was heard at all."""

    begin: float
    end: float
    failed: int

    @property
    def seconds(self) -> float:
        return self.end - self.begin


def gaps(samples: Iterable[Sample], begin: float, end: float, interval: float) -> List[Gap]:
    """The outages between ``begin`` and ``end``: from one good answer to the next good one.

    Answers count when they come, not when they were asked for: a request that waited through an outage does not hide it. So the
    figure is never smaller than the outage was, and larger by no more than an interval and the latency of one answer.
    """
    inside = [sample for sample in samples if begin <= sample.at <= end]
    good = sorted(min(sample.at + sample.seconds, end) for sample in inside if sample.ok)
    failed = sorted(sample.at for sample in inside if not sample.ok)
    found: List[Gap] = []
    # The window's ends stand for answers: what lies between them is all that can be out.
    edges = [begin] + good + [end]
    for position, (last, following) in enumerate(zip(edges, edges[1:])):
        until = bisect_right(failed, end) if position == len(good) else bisect_left(failed, following)
        within = max(0, until - bisect_left(failed, last))
        if within or following - last > BLIND_INTERVALS * interval:
            found.append(Gap(last, following, within))
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
