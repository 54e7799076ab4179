# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen, in the text format of Prometheus, for node_exporter's textfile collector. Pure."""

from __future__ import annotations

from typing import Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import KINDS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.verdicts import verdicts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.watch import Look
from ansible_collections.baremetal.kubernetes.plugins.module_utils.monitoring.textfile import Sample, render

PREFIX = "kubernetes_hardware_"
FILE = "kubernetes_hardware.prom"
#: name -> type and help.
HELP = {
    "look_timestamp_seconds": ("gauge", "When the hardware was last looked at."),
    "condition": ("gauge", "Verdict on a condition of the node: 0 good, 1 failing, 2 unknown."),
    "finding": ("gauge", "One thing that is wrong with the hardware."),
    "unread": ("gauge", "What could not be read."),
    "disk_passed": ("gauge", "Whether the disk's own assessment of its health is good."),
    "disk_temperature_celsius": ("gauge", "The disk's temperature."),
    "disk_wear_percent": ("gauge", "How much of the writes that the disk is made for is used up."),
    "disk_spare_percent": ("gauge", "Spare blocks that are left."),
    "disk_power_on_hours": ("counter", "Hours that the disk was powered."),
    "disk_errors": ("gauge", "Counts of errors that the disk keeps, by kind."),
    "memory_corrected_errors_total": ("counter", "Corrected errors of the memory since boot."),
    "memory_uncorrected_errors_total": ("counter", "Errors of the memory since boot that could not be corrected."),
    "pool_healthy": ("gauge", "Whether the storage pool is ONLINE and has lost no data."),
    "pool_used_percent": ("gauge", "How full the storage pool is."),
    "sensor_temperature_celsius": ("gauge", "Temperatures of processors and boards."),
}


def text(look: Look) -> str:
    """The whole file."""
    samples: Dict[str, List[Sample]] = {name: [] for name in HELP}
    samples["look_timestamp_seconds"].append(({}, look.now))
    for condition, verdict in sorted(verdicts(look).items()):
        samples["condition"].append(({"condition": condition}, verdict.code))
    # One series for a part and severity: the text may change at each look, and would make a new series then.
    for key in sorted({(one.kind, one.subject, one.severity) for one in look.findings}):
        samples["finding"].append((dict(zip(("kind", "subject", "severity"), key)), 1))
    for kind in KINDS:
        samples["unread"].append(({"kind": kind}, len(look.blind(kind))))
    _disks(look, samples)
    for counter in look.memory.counters:
        labels = {"counter": counter.name, "label": counter.label}
        samples["memory_corrected_errors_total"].append((labels, counter.corrected))
        samples["memory_uncorrected_errors_total"].append((labels, counter.uncorrected))
    for pool in look.pools.pools:
        samples["pool_healthy"].append(({"pool": pool.name}, pool.health == "ONLINE" and not pool.lost))
        if pool.capacity_percent is not None:
            samples["pool_used_percent"].append(({"pool": pool.name}, pool.capacity_percent))
    for sensor in look.sensors:
        samples["sensor_temperature_celsius"].append(({"chip": sensor.name, "sensor": sensor.label}, sensor.degrees))
    return render(PREFIX, HELP, samples)


def _disks(look: Look, samples: Mapping[str, List[Sample]]) -> None:
    for disk in look.disks.disks:
        labels = {"device": disk.device.text, "model": disk.model, "serial": disk.serial}
        for name, value in (
            ("disk_passed", disk.passed),
            ("disk_temperature_celsius", disk.temperature),
            ("disk_wear_percent", disk.wear_percent),
            ("disk_spare_percent", disk.spare_percent),
            ("disk_power_on_hours", disk.power_on_hours),
        ):
            if value is not None:
                samples[name].append((labels, value))
        for kind, count in sorted(disk.counts.items()):
            samples["disk_errors"].append((dict(labels, kind=kind), count))
