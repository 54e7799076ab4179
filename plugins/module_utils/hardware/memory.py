# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the memory: EDAC's counters since boot, and what rasdaemon has kept of them over reboots."""

from __future__ import annotations

import calendar
import re
import time
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import MEMORY, Finding, Unread
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.thresholds import Threshold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: The kernel's: Documentation/ABI/testing/sysfs-devices-edac. Made by the driver of the memory controller, where there is one.
CONTROLLERS = "/sys/devices/system/edac/mc"
CONTROLLER = re.compile(r"mc[0-9]+$")
MODULE = re.compile(r"(dimm|rank)[0-9]+$")
#: Where rasdaemon keeps events (its ras-record.c); -r in its unit has it do so.
EVENTS = "/var/lib/rasdaemon/ras-mc_event.db"
#: What the memory lost: mc_event's err_type (ras-mc-handler.c).
LOST = ("Uncorrected", "Fatal")


class Counter(NamedTuple):
    """Errors since boot of a memory module, or of a controller that can't tell which module it was."""

    name: str
    label: str
    corrected: int
    uncorrected: int


class Memory(NamedTuple):
    counters: List[Counter]
    #: Label -> uncorrected errors that rasdaemon kept.
    kept: Dict[str, int]
    unread: List[Unread]


def read(runner: Runner, since: float) -> Memory:
    """All counters; of what rasdaemon kept, that of after ``since``, seconds since the epoch."""
    controllers = [name for name in runner.list_dir(CONTROLLERS) if CONTROLLER.match(name)]
    counters: List[Counter] = []
    unread: List[Unread] = []
    for controller in controllers:
        counters += _of_controller(runner, controller)
    if not controllers:
        unread.append(Unread(MEMORY, "EDAC", "no driver counts errors here: the memory has no ECC, or the kernel lacks its driver"))
    kept, why = events(EVENTS, since) if runner.exists(EVENTS) else ({}, "")
    if why:
        unread.append(Unread(MEMORY, "rasdaemon", why))
    return Memory(counters, kept, unread)


def _of_controller(runner: Runner, controller: str) -> Iterator[Counter]:
    folder = "%s/%s" % (CONTROLLERS, controller)
    modules = [name for name in runner.list_dir(folder) if MODULE.match(name)]
    known = [0, 0]
    for name in modules:
        corrected, uncorrected = (_count(runner, "%s/%s/dimm_%s_count" % (folder, name, kind)) for kind in ("ce", "ue"))
        if corrected is None and uncorrected is None:
            continue
        label = (runner.read("%s/%s/dimm_label" % (folder, name)) or "").strip()
        known = [known[0] + (corrected or 0), known[1] + (uncorrected or 0)]
        yield Counter("%s/%s" % (controller, name), label, corrected or 0, uncorrected or 0)
    # The controller's own figures have its modules' in them, and those that belong to none of them.
    corrected, uncorrected = (_count(runner, "%s/%s_count" % (folder, kind)) for kind in ("ce", "ue"))
    rest = (max(0, (corrected or 0) - known[0]), max(0, (uncorrected or 0) - known[1]))
    yield Counter(controller, "", rest[0], rest[1])


def _count(runner: Runner, path: str) -> Optional[int]:
    text = (runner.read(path) or "").strip()
    return int(text) if is_digits(text) else None


def events(path: str, since: float) -> Tuple[Dict[str, int], str]:
    """Label -> uncorrected errors after ``since``; and why they could not be read, or an empty text."""
    try:
        import sqlite3  # Not in every distribution's smallest Python.
    except ImportError:
        return {}, "this Python has no sqlite3 to read %s with" % path
    found: Dict[str, int] = {}
    try:
        # Only to read, and without waiting for rasdaemon's writes.
        connection = sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=5)
        try:
            found_rows = connection.execute("SELECT timestamp, err_count, label FROM mc_event WHERE err_type IN (?, ?)", LOST)
            rows = found_rows.fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        return {}, "%s: %s" % (path, error)
    for stamp, count, label in rows:
        moment = _moment(str(stamp))
        if moment is not None and moment > since:
            name = str(label or "memory")
            found[name] = found.get(name, 0) + max(1, int(count or 0))
    return found, ""


def _moment(stamp: str) -> Optional[float]:
    """rasdaemon writes ``2026-11-22 01:19:21 +0000``."""
    try:
        plain = calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%d %H:%M:%S"))
        zone = stamp[19:].strip()
        offset = (int(zone[1:3]) * 3600 + int(zone[3:5]) * 60) * (-1 if zone[0] == "-" else 1) if zone else 0
        return float(plain - offset)
    except (ValueError, IndexError):
        return None


def judge(memory: Memory, per_day: Mapping[str, int], thresholds: Mapping[str, Threshold]) -> Iterator[Finding]:
    """What is wrong with the memory. ``per_day`` are the corrected errors of the last 24 hours, by the counter's name."""
    for counter in memory.counters:
        title = "memory %s" % (counter.label or counter.name)
        severity = thresholds["memory_uncorrected"].severity(counter.uncorrected)
        if severity:
            words = "%d errors since boot that could not be corrected" % counter.uncorrected
            yield Finding(MEMORY, counter.name, severity, "%s: %s" % (title, words))
        recent = per_day.get(counter.name, 0)
        severity = thresholds["memory_corrected_per_day"].severity(recent)
        if severity:
            yield Finding(MEMORY, counter.name, severity, "%s: %d corrected errors within a day" % (title, recent))
    for label, count in sorted(memory.kept.items()):
        severity = thresholds["memory_uncorrected"].severity(count)
        if severity:
            words = "%d errors that could not be corrected, kept by rasdaemon" % count
            yield Finding(MEMORY, label, severity, "memory %s: %s" % (label, words))
