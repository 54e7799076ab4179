# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `zpool import` and `zdb -l` say of pools that are not imported: whose they are and whether they can be. Pure."""

from __future__ import annotations

import re
from typing import List, NamedTuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import number_or
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.status import Pool, parse_status

#: spa.h: pool_state_t
STATES = {"0": "active", "1": "exported", "2": "destroyed", "3": "spare", "4": "cache"}


class Importable(NamedTuple):
    """A pool whose disks are here and that nobody has imported here."""

    pool: Pool
    #: It can be imported as it is.
    ready: bool
    #: It was not exported, and another system had it last.
    foreign: bool
    #: Another system has it now (multihost).
    active: bool
    destroyed: bool
    why: str


class Label(NamedTuple):
    """What a disk says of the pool that it is, or was, in."""

    pool: str
    pool_guid: str
    guid: str
    state: str
    host: str
    txg: int = 0

    def __str__(self) -> str:
        if not self.pool:
            return "%s disk of a pool" % self.state
        return "disk of pool %s (%s), %s%s" % (self.pool, self.pool_guid, self.state, " on " + self.host if self.host else "")


def parse_imports(text: str) -> List[Importable]:
    """The pools of ``zpool import`` without a name (and with ``-D``)."""
    found = []
    # One status or action may take several lines, of which all but the first begin with a tab.
    for section in re.split(r"(?m)^(?= *pool: )", text):
        for pool in parse_status(section):
            words = " ".join(section.split())
            state, _space, word = pool.state.partition(" ")
            action = re.search(r"action: (.*?)(?= (?:comment|see|config):)", words)
            status = re.search(r"status: (.*?)(?= (?:action|comment|see|config):)", words)
            said = action.group(1) if action else ""
            ready = state in ("ONLINE", "DEGRADED") and "cannot be imported" not in said and "can not be imported" not in said
            found.append(
                Importable(
                    pool._replace(state=state),
                    ready and "must be exported" not in said,
                    "was last accessed by another system" in words,
                    "currently imported by another system" in words or "must be exported" in said,
                    "DESTROYED" in word,
                    (status.group(1) if status else "") or said,
                )
            )
    return found


def parse_label(text: str) -> List[Label]:
    """The different labels of ``zdb -l DEVICE``; empty where the device has none."""
    found: List[Label] = []
    for section in re.split(r"(?m)^-+\nLABEL ", text)[1:] or [text]:
        # Vdevs stand deeper.
        fields = dict(re.findall(r"(?m)^    ([a-z_]+): '?([^'\n]*)'?$", section))
        if "guid" not in fields:
            continue
        label = Label(
            fields.get("name", ""),
            fields.get("pool_guid", ""),
            fields["guid"],
            STATES.get(fields.get("state", ""), "unknown"),
            fields.get("hostname", ""),
            number_or(fields.get("txg"), 0),
        )
        if not any((known.pool_guid, known.guid) == (label.pool_guid, label.guid) for known in found):
            found.append(label)
    return found
