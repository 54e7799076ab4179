# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From where on a figure is worth a warning, and from where on the part counts as failing."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import FAILING, WARNING

SETTING = "hardware_watch_thresholds"


class Threshold(NamedTuple):
    """A figure that reaches ``warning`` or ``failing`` is one; 0 is never. ``falling``: it is reached from above."""

    warning: float
    failing: float
    falling: bool = False

    def severity(self, value: Optional[float]) -> str:
        """Of a figure; empty where it is good, and where there is none."""
        if value is None:
            return ""
        for limit, severity in ((self.failing, FAILING), (self.warning, WARNING)):
            if limit and (value <= limit if self.falling else value >= limit):
                return severity
        return ""


#: The documentation of role hardware_watch has the same table (a test compares them).
DEFAULTS: Dict[str, Threshold] = {
    "disk_temperature": Threshold(60, 0),
    "disk_wear_percent": Threshold(90, 0),
    "disk_spare_percent": Threshold(20, 0, falling=True),
    "disk_media_errors": Threshold(1, 100),
    "disk_reallocated_sectors": Threshold(1, 100),
    "disk_pending_sectors": Threshold(1, 50),
    "disk_uncorrectable_sectors": Threshold(1, 50),
    "memory_corrected_per_day": Threshold(10, 1000),
    "memory_uncorrected": Threshold(0, 1),
    "pool_capacity_percent": Threshold(85, 0),
    "sensor_temperature": Threshold(90, 0),
}


def merged(given: Mapping[str, Any]) -> Dict[str, Threshold]:
    """The defaults with what a person wrote over them.

    :raises SettingError: a name or a figure that makes no sense.
    """
    found = dict(DEFAULTS)
    for name, entry in given.items():
        place = "%s.%s" % (SETTING, name)
        if name not in DEFAULTS:
            raise SettingError(place, "there is no such figure", "write one of %s" % ", ".join(sorted(DEFAULTS)))
        if not isinstance(entry, Mapping) or not entry or set(entry) - {"warning", "failing"}:
            raise SettingError(place, "%r has no limits" % (entry,), "write {warning: 1, failing: 100}, or one of them")
        warning = _number(entry.get("warning", found[name].warning))
        failing = _number(entry.get("failing", found[name].failing))
        if warning is None or failing is None or warning < 0 or failing < 0:
            raise SettingError(place, "%r is no number of 0 or more" % (dict(entry),), "write numbers; 0 means never")
        made = Threshold(warning, failing, found[name].falling)
        wrong = made.warning < made.failing if made.falling else made.warning > made.failing
        if made.warning and made.failing and wrong:
            raise SettingError(
                place,
                "with a warning at %g and failing at %g there would be no warning" % (made.warning, made.failing),
                "write the warning %s failing" % ("above" if made.falling else "below"),
            )
        found[name] = made
    return found


def _number(value: Any) -> Optional[float]:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
