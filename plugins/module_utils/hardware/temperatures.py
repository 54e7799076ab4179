# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Temperatures of processors and boards, as the kernel's hwmon has them: thousandths of a degree Celsius."""

from __future__ import annotations

import re
from typing import Iterator, List, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import FAILING, TEMPERATURE, WARNING, Finding
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.thresholds import Threshold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

HWMON = "/sys/class/hwmon"
INPUT = re.compile(r"temp([0-9]+)_input$")
#: Disks say their own by smartctl.
DISKS = ("nvme", "drivetemp")
#: Firmware that has no limit often says 0, -1 or 255 degrees, and a sensor that is not connected something arctic.
SANE_LIMITS = range(40, 151)
SANE = range(-20, 151)


class Sensor(NamedTuple):
    """A sensor and the limits that the hardware itself has for it."""

    name: str
    label: str
    degrees: float
    high: Optional[float] = None
    critical: Optional[float] = None

    @property
    def title(self) -> str:
        return "%s %s" % (self.name, self.label) if self.label else self.name


def read(runner: Runner) -> List[Sensor]:
    """Every sensor that says something sensible."""
    found: List[Sensor] = []
    for device in runner.list_dir(HWMON):
        folder = "%s/%s" % (HWMON, device)
        chip = (runner.read(folder + "/name") or "").strip()
        if not chip or chip in DISKS:
            continue
        for file in runner.list_dir(folder):
            match = INPUT.match(file)
            number = match.group(1) if match else ""
            degrees = _degrees(runner, "%s/%s" % (folder, file)) if number else None
            if degrees is None or int(degrees) not in SANE:
                continue
            label = (runner.read("%s/temp%s_label" % (folder, number)) or "").strip() or "temp%s" % number
            if any((one.name, one.label) == ("%s %s" % (device, chip), label) for one in found):
                label += " temp%s" % number
            high, critical = (_limit(runner, "%s/temp%s_%s" % (folder, number, kind)) for kind in ("max", "crit"))
            found.append(Sensor("%s %s" % (device, chip), label, degrees, high, critical))
    return found


def _degrees(runner: Runner, path: str) -> Optional[float]:
    text = (runner.read(path) or "").strip()
    try:
        return int(text) / 1000
    except ValueError:
        return None


def _limit(runner: Runner, path: str) -> Optional[float]:
    degrees = _degrees(runner, path)
    return degrees if degrees is not None and int(degrees) in SANE_LIMITS else None


def judge(sensors: List[Sensor], thresholds: Mapping[str, Threshold]) -> Iterator[Finding]:
    for sensor in sensors:
        severity = thresholds["sensor_temperature"].severity(sensor.degrees)
        if sensor.critical and sensor.degrees >= sensor.critical:
            severity = FAILING
        elif sensor.high and sensor.high != sensor.critical and sensor.degrees >= sensor.high:
            severity = severity or WARNING
        if severity:
            limit = " (its limit: %g)" % sensor.critical if sensor.critical else ""
            yield Finding(TEMPERATURE, sensor.title, severity, "%s: %g degrees Celsius%s" % (sensor.title, sensor.degrees, limit))
