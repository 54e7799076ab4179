# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points in a bucket: names, chains, and which of them stay. Pure.

``zfs/CLUSTER/HOST/tank/volumes/@20261122T050000Z-GUID-BASE/`` holds the parts of one send and ``manifest.json``, which is written
last: what has none is not whole. GUID is the snapshot's own, BASE that of the snapshot which it builds upon, or ``full``. So a list
of names is enough to know every chain. No dataset has an @ in its name.
"""

from __future__ import annotations

import re
import time
from typing import Dict, Iterable, List, NamedTuple, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.files import STAMP, taken_at
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep, sort_out

MANIFEST = "manifest.json"
FULL = "full"
NAME = re.compile(r"(?P<stamp>\d{8}T\d{6}Z)-(?P<guid>\d{1,20})-(?P<base>full|\d{1,20})\Z")


class Point(NamedTuple):
    """One send of a dataset's snapshot. ``base`` is empty for a full one; ``cut``: it can't be restored."""

    dataset: str
    taken: float
    guid: str
    base: str = ""
    cut: bool = False

    @property
    def name(self) -> str:
        return "%s-%s-%s" % (time.strftime(STAMP, time.gmtime(self.taken)), self.guid, self.base or FULL)

    @property
    def path(self) -> str:
        """Below the host's key."""
        return "%s/@%s" % (self.dataset, self.name)


class Stored(NamedTuple):
    """What a bucket has of one host."""

    #: dataset -> its whole points, oldest first
    points: Dict[str, List[Point]]
    #: path of every point, whole or not -> names in it, with their sizes
    objects: Dict[str, Dict[str, int]]

    def of(self, dataset: str) -> List[Point]:
        return self.points.get(dataset, [])


def parse(path: str) -> Tuple[Point, ...]:
    """The point that a path names; none where it names none."""
    dataset, _at, name = path.partition("/@")
    found = NAME.match(name)
    taken = taken_at("x-%s.db" % found.group("stamp")) if found else None
    if not found or taken is None or not dataset:
        return ()
    base = found.group("base")
    return (Point(dataset, taken, found.group("guid"), "" if base == FULL else base),)


def stored(root: str, keys: Iterable[Tuple[str, int]]) -> Stored:
    """From the keys below ``root`` with their sizes."""
    objects: Dict[str, Dict[str, int]] = {}
    for key, size in keys:
        path, _slash, name = key[len(root) :].strip("/").rpartition("/")
        if parse(path):
            objects.setdefault(path, {})[name] = size
    points: Dict[str, List[Point]] = {}
    for path, names in objects.items():
        if MANIFEST in names:
            for point in parse(path):
                points.setdefault(point.dataset, []).append(point)
    return Stored({dataset: sorted(row, key=_order) for dataset, row in points.items()}, objects)


def chains(points: Sequence[Point]) -> Dict[Point, List[Point]]:
    """Each point that can be restored -> what has to be received for it, the full one first."""
    ways: Dict[str, List[Point]] = {}
    found: Dict[Point, List[Point]] = {}
    waiting = sorted(points, key=_order)
    while True:
        left = []
        for point in waiting:
            below = ways.get(point.base) if point.base else []
            if below is None:
                left.append(point)
            else:
                found[point] = [*below, point]
                # A full one needs nothing else, so it serves best.
                if point.guid not in ways or not point.base:
                    ways[point.guid] = found[point]
        if len(left) == len(waiting):
            return found
        waiting = left


def to_prune(points: Sequence[Point], keep: Keep) -> List[Point]:
    """Those that go, in the order in which they may: what builds upon another goes before it.

    No point goes that one which stays is built upon. One that can't be restored goes when a newer one can.
    """
    ways = chains(points)
    stays, _gone = sort_out([point._replace(cut=point not in ways) for point in points], keep)
    needed = {other for point in stays for other in ways.get(point._replace(cut=False), [point._replace(cut=False)])}
    gone = [point for point in points if point not in needed]
    return sorted(gone, key=lambda point: (point.taken, len(ways.get(point, ()))), reverse=True)


def at(points: Sequence[Point], moment: float) -> List[Point]:
    """The chain of the newest point that is not after a moment; empty where there is none that can be restored."""
    ways = chains(points)
    before = [point for point in ways if point.taken <= moment]
    return ways[max(before, key=_order)] if before else []


def _order(point: Point) -> Tuple[float, str]:
    return point.taken, point.name
