# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept between two looks: counters of the last day, the disks that were seen, and what a person accepted. Pure."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty

DAY = 86400.0
#: Seconds between two samples that are kept of a counter.
SPACING = 900.0
FORM = {
    "boot?": str,
    "samples?": {str: [[float]]},
    "disks?": {str: str},
    "found?": {str: [[str]]},
    "accepted?": {"at?": float, "counts?": {str: {str: int}}},
}


class History:
    """As a JSON file keeps it; what is damaged is begun anew, since nothing in it is more than a memory."""

    def __init__(self, text: Optional[str] = None) -> None:
        data = _object(text, FORM)
        self.boot = str(data.get("boot") or "")
        #: Counter -> (when, its value), the oldest first.
        self.samples: Dict[str, List[Tuple[float, int]]] = {}
        for name, entries in _object(data.get("samples")).items():
            if isinstance(entries, list):
                self.samples[name] = [(float(one[0]), int(one[1])) for one in entries if len(one) == 2]
        #: Key of a disk -> its title.
        self.disks: Dict[str, str] = {name: str(title) for name, title in _object(data.get("disks")).items()}
        #: Device -> what was found of the disk when it was last awake.
        self.found: Dict[str, List[List[str]]] = {
            name: [[str(part) for part in one] for one in entries if isinstance(one, list)]
            for name, entries in _object(data.get("found")).items()
            if isinstance(entries, list)
        }
        accepted = _object(data.get("accepted"))
        self.accepted_at = float(accepted.get("at") or 0)
        self.accepted: Dict[str, Dict[str, int]] = {
            name: {key: int(count) for key, count in counts.items()} for name, counts in _object(accepted.get("counts")).items()
        }

    def text(self) -> str:
        data: Dict[str, Any] = {
            "boot": self.boot,
            "samples": self.samples,
            "disks": self.disks,
            "found": self.found,
            "accepted": {"at": self.accepted_at, "counts": self.accepted},
        }
        return json.dumps(data, indent=1, sort_keys=True) + "\n"

    def per_day(self, boot: str, uptime: Optional[float], counters: Mapping[str, int], now: float) -> Dict[str, int]:
        """Note the counters of now; how much each has grown within a day.

        The kernel's counters begin at 0 with each boot. What is first seen when the boot was longer ago than a day, or after nobody
        looked for a day, may be old: it counts from there on only.
        """
        if boot != self.boot:
            self.boot, self.samples = boot, {}
        lately = uptime is not None and uptime <= DAY
        grown = {}
        for name, value in counters.items():
            kept = self.samples.get(name, [])
            if kept and kept[-1][1] > value:
                # The driver that was loaded anew counts from 0 again.
                kept = [(now, 0)]
            elif not kept or now - kept[-1][0] > DAY:
                kept = [(now, 0 if lately else value)]
            older = [number for number, (at, _was) in enumerate(kept) if at <= now - DAY]
            kept = kept[older[-1] :] if older else kept
            grown[name] = value - kept[0][1]
            if now - kept[-1][0] >= SPACING:
                kept = kept + [(now, value)]
            self.samples[name] = kept
        return grown

    def accept(
        self, counts: Mapping[str, Mapping[str, int]], disks: Mapping[str, str], counters: Mapping[str, int], now: float
    ) -> None:
        """A person has seen what there is: counts begin from here, what is gone is gone, and kept events are over."""
        self.accepted_at = now
        self.accepted = {name: dict(found) for name, found in counts.items() if any(found.values())}
        self.disks = dict(disks)
        self.found = {}
        self.samples = {name: [(now, value)] for name, value in counters.items()}


def _object(value: Any, form: Any = object) -> Dict[str, Any]:
    if isinstance(value, str):
        return object_or_empty(value, form)
    return value if isinstance(value, dict) else {}
