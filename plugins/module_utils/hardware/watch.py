# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at all of a host's hardware, judged. It changes nothing, and what can't be read is never taken for a failure."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import memory, pools, smart, temperatures
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import (
    DISK,
    WARNING,
    Finding,
    Unread,
    worst_first,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.history import DAY, History
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import Settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

UPTIME = "/proc/uptime"
BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Look(NamedTuple):
    """Everything that was seen at one moment, and what is to be thought of it."""

    now: float
    findings: List[Finding]
    unread: List[Unread]
    disks: smart.Seen
    memory: memory.Memory
    pools: pools.Pools
    sensors: List[temperatures.Sensor]

    def blind(self, kind: str) -> List[Unread]:
        """What of a kind could not be read, where nothing of it is known to be failing."""
        return [one for one in self.unread if one.kind == kind]


def look(runner: Runner, settings: Settings, history: History) -> Look:
    """Look at everything, and note in ``history`` what the next look compares with."""
    now, limits = runner.now(), settings.limits()
    disks = smart.read(runner, settings.devices, settings.ignore_devices)
    since = max(history.accepted_at, now - settings.events_days * DAY)
    ram = memory.read(runner, since)
    zfs = pools.read(runner)
    sensors = temperatures.read(runner)
    boot = (runner.read(BOOT_ID) or "").strip()
    per_day = history.per_day(boot, uptime(runner), corrected(ram), now)
    findings: List[Finding] = []
    found: Dict[str, List[Finding]] = {}
    for disk in disks.disks:
        found[disk.device.text] = list(smart.judge(disk, limits, history.accepted.get(disk.key, {})))
    for device in disks.asleep:
        # Sleep heals nobody.
        found[device.text] = [Finding(*parts) for parts in history.found.get(device.text, []) if len(parts) == len(Finding._fields)]
    history.found = {name: [list(one) for one in entries] for name, entries in found.items() if entries}
    findings += [one for entries in found.values() for one in entries]
    if disks.listed and not settings.ignore_missing_disks:
        findings += missing(disks, history)
    findings += memory.judge(ram, per_day, limits)
    findings += pools.judge(zfs, limits)
    findings += temperatures.judge(sensors, limits)
    history.disks.update({disk.key: disk.title for disk in disks.disks})
    unread = disks.unread + ram.unread + zfs.unread
    return Look(now, worst_first(findings), unread, disks, ram, zfs, sensors)


def uptime(runner: Runner) -> Optional[float]:
    """Seconds since the boot, where the kernel says it."""
    words = (runner.read(UPTIME) or "").split()
    try:
        return float(words[0])
    except (IndexError, ValueError):
        return None


def corrected(ram: memory.Memory) -> Dict[str, int]:
    """Counter -> corrected errors since boot."""
    return {counter.name: counter.corrected for counter in ram.counters}


def missing(seen: smart.Seen, history: History) -> List[Finding]:
    """Disks that were seen before and are not there: a warning only, since that nothing is seen proves nothing."""
    # Who sleeps or could not be read is there, under a name that may have been another disk's before: then none counts as missing.
    if seen.asleep or any(one.subject != "smartctl" for one in seen.unread):
        return []
    there = {disk.key for disk in seen.disks}
    gone = {key: title for key, title in history.disks.items() if key not in there}
    words = "%s: it was here before and is gone (after a replacement: hardware-watch.pyz accept)"
    return [Finding(DISK, key, WARNING, words % title) for key, title in sorted(gone.items())]
