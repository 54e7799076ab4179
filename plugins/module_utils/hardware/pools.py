# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health of ZFS pools, as zpool tells it in every version: ``zpool list -Hp``, and ``zpool status -x`` for lost data."""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import FAILING, POOL, WARNING, Finding, Unread
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.thresholds import Threshold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, TIMED_OUT, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

LIST = ("zpool", "list", "-Hp", "-o", "name,health,capacity")
STATUS = ("zpool", "status", "-x")
SECONDS = 60.0
GOOD = "ONLINE"
#: It works, with less redundancy than it is made for.
REDUCED = "DEGRADED"
#: What else there is says nothing about data: a pool that stands still has that in its health.
NO_ERRORS = ("No known data errors", "List of errors unavailable")
FIELD = re.compile(r"^\s*(pool|status|errors):\s*(.*)$")


class Pool(NamedTuple):
    """``lost`` says what of its data is lost; empty where nothing is."""

    name: str
    health: str
    capacity_percent: Optional[float] = None
    lost: str = ""


class Pools(NamedTuple):
    pools: List[Pool]
    unread: List[Unread]


def read(runner: Runner) -> Pools:
    """All imported pools; none where there is no ZFS."""
    listed = runner.run(LIST, timeout=SECONDS)
    if listed.rc == NOT_FOUND:
        return Pools([], [])
    if listed.rc != 0:
        why = "zpool did not answer within %d s" % SECONDS if listed.rc == TIMED_OUT else listed.stderr.strip() or "no message"
        # Where the module is not loaded there is no pool to lose.
        absent = "modprobe" in why or "/dev/zfs and /proc/self/mounts" in why
        return Pools([], [] if absent else [Unread(POOL, "zpool list", why.splitlines()[0])])
    pools = parse_list(listed.stdout)
    if not pools:
        return Pools([], [])
    status = runner.run(STATUS, timeout=SECONDS)
    if status.rc != 0:
        return Pools(pools, [Unread(POOL, "zpool status", "it ended with code %d" % status.rc)])
    lost = parse_lost(status.stdout)
    return Pools([pool._replace(lost=lost.get(pool.name, "")) for pool in pools], [])


def parse_list(text: str) -> List[Pool]:
    """The lines of ``zpool list -Hp -o name,health,capacity``; a pool that is not there for use has no capacity."""
    found = []
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) == 3:
            capacity = fields[2].rstrip("%")
            found.append(Pool(fields[0], fields[1], float(capacity) if is_digits(capacity) else None))
    return found


def parse_lost(text: str) -> Dict[str, str]:
    """Pool -> what ``zpool status -x`` says of data that are lost."""
    found: Dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        match = FIELD.match(line)
        field, words = match.groups() if match else ("", "")
        if field == "pool":
            name = words.strip()
        elif field == "errors" and name and not words.startswith(NO_ERRORS):
            found[name] = words.strip().rstrip(",:")
    return found


def judge(pools: Pools, thresholds: Mapping[str, Threshold]) -> Iterator[Finding]:
    for pool in pools.pools:
        for severity, words in _of(pool, thresholds["pool_capacity_percent"]):
            yield Finding(POOL, pool.name, severity, "pool %s: %s" % (pool.name, words))


def _of(pool: Pool, capacity: Threshold) -> Iterator[Tuple[str, str]]:
    if pool.health == REDUCED:
        yield WARNING, "it is degraded: the next disk that fails may take its data (zpool status %s)" % pool.name
    elif pool.health != GOOD:
        yield FAILING, "it is %s (zpool status %s)" % (pool.health, pool.name)
    if pool.lost:
        yield FAILING, "data are lost: %s" % pool.lost
    severity = capacity.severity(pool.capacity_percent)
    if severity:
        yield severity, "%g %% of it are full" % (pool.capacity_percent or 0)
