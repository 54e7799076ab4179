# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the hardware finds, and which condition of the node it belongs to. Pure."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Sequence

#: Severities, from the mildest to the worst.
WARNING = "warning"
FAILING = "failing"
#: What findings are about.
DISK = "disk"
MEMORY = "memory"
POOL = "pool"
TEMPERATURE = "temperature"
KINDS = (DISK, MEMORY, POOL, TEMPERATURE)


class Condition(NamedTuple):
    """A condition of the node: its type, the reason while it is true, and reason and message while it is not."""

    type: str
    reason: str
    good_reason: str
    good_message: str


#: Kind -> the condition that its failures make true.
CONDITIONS: Dict[str, Condition] = {
    DISK: Condition("DiskFailing", "DiskIsFailing", "DisksAreGood", "no disk is failing"),
    MEMORY: Condition("MemoryFailing", "MemoryIsFailing", "MemoryIsGood", "no memory is failing"),
    POOL: Condition("StoragePoolFailing", "StoragePoolIsFailing", "StoragePoolsAreGood", "no storage pool is failing"),
    TEMPERATURE: Condition("TemperatureCritical", "TemperatureIsCritical", "TemperatureIsGood", "no temperature is critical"),
}
#: True where anything at all should be looked at. No node is ever drained for it.
DEGRADED = Condition("HardwareDegraded", "HardwareNeedsALook", "HardwareIsGood", "nothing of the hardware needs a look")


class Finding(NamedTuple):
    """One thing that is wrong: ``subject`` is the part, ``text`` a line for a person."""

    kind: str
    subject: str
    severity: str
    text: str


class Unread(NamedTuple):
    """What could not be read: it says nothing about the hardware, neither good nor bad."""

    kind: str
    subject: str
    why: str


def worst_first(findings: Sequence[Finding]) -> List[Finding]:
    """What a person reads first; of one part in the order in which it was judged: what it says of itself, then its figures."""
    return sorted(findings, key=lambda one: (one.severity != FAILING, KINDS.index(one.kind), one.subject))
