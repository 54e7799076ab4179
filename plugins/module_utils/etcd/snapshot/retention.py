# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which snapshots stay: the newest ones, and the newest of each of the last hours, days and weeks that have any (in UTC)."""

from __future__ import annotations

import time
from typing import Callable, Dict, List, NamedTuple, Protocol, Sequence, Set, Tuple, TypeVar

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.errors import SnapshotError

SECONDS_OF_A_DAY = 86400


class Keep(NamedTuple):
    """How many snapshots of each kind stay; one snapshot may be of several."""

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0


class Dated(Protocol):
    """What can be kept: its path, when it was taken, and whether it is known not to be whole."""

    @property
    def path(self) -> str: ...

    @property
    def taken(self) -> float: ...

    @property
    def cut(self) -> bool: ...


Kept = TypeVar("Kept", bound=Dated)


def _hour(taken: float) -> Tuple[int, ...]:
    return tuple(time.gmtime(taken)[:4])


def _day(taken: float) -> Tuple[int, ...]:
    return tuple(time.gmtime(taken)[:3])


def _week(taken: float) -> Tuple[int, ...]:
    # Weeks begin on Monday; the first of January 1970 was a Thursday.
    return (int(taken // SECONDS_OF_A_DAY + 3) // 7,)


PERIODS: Dict[str, Callable[[float], Tuple[int, ...]]] = {"hourly": _hour, "daily": _day, "weekly": _week}


def sort_out(snapshots: Sequence[Kept], keep: Keep) -> Tuple[List[Kept], List[Kept]]:
    """Those that stay and those that go, both oldest first.

    One that is cut takes no other's place, and goes once a whole one is newer.

    :raises SnapshotError: ``keep`` would leave nothing, or is negative.
    """
    for name, count in keep._asdict().items():
        if count < 0:
            raise SnapshotError("keep." + name, "%d is negative" % count, "write 0 or more")
    if not any(keep):
        raise SnapshotError(
            "keep", "it would leave no snapshot at all", "write at least one of last, hourly, daily, weekly as 1 or more"
        )
    newest_first = sorted(snapshots, key=lambda snapshot: (snapshot.taken, snapshot.path), reverse=True)
    whole = [snapshot for snapshot in newest_first if not snapshot.cut]
    stays: Set[str] = {snapshot.path for snapshot in whole[: keep.last]}
    for name, period in PERIODS.items():
        seen: Set[Tuple[int, ...]] = set()
        for snapshot in whole:
            of = period(snapshot.taken)
            if of not in seen and len(seen) < getattr(keep, name):
                seen.add(of)
                stays.add(snapshot.path)
    # While there is no whole one that is newer, even a damaged one is better than nothing.
    stays |= {snapshot.path for snapshot in newest_first if snapshot.cut and not any(one.taken > snapshot.taken for one in whole)}
    oldest_first = newest_first[::-1]
    return [one for one in oldest_first if one.path in stays], [one for one in oldest_first if one.path not in stays]
