# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a pool is scrubbed and trimmed: a timer of systemd for each, the same on every distribution."""

from __future__ import annotations

from typing import List, Mapping, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import WantedFile
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import WantedService
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.state import WantedState
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem

FOLDER = "/etc/systemd/system/"
HEADING = "# Written by baremetal.kubernetes.zfs_pool. Changes made here are lost.\n"
SERVICE = """[Unit]
Description=%(verb)s of ZFS pool %(pool)s
Documentation=man:zpool-%(verb)s(8)
ConditionPathIsDirectory=/sys/module/zfs

[Service]
Type=oneshot
# One that runs already is left alone.
ExecCondition=sh -c '! zpool status %(pool)s | grep -Eq "(scrub|resilver) in progress|trimming"'
ExecStart=zpool %(verb)s %(pool)s
"""
TIMER = """[Unit]
Description=Regular %(verb)s of ZFS pool %(pool)s

[Timer]
OnCalendar=%(calendar)s
RandomizedDelaySec=1h
Persistent=true

[Install]
WantedBy=timers.target
"""


def unit(verb: str, pool: str) -> str:
    """Name of the timer, without its ending."""
    return "zpool-%s-%s" % (verb, pool)


def problems(schedules: Mapping[str, Optional[str]], runner: Runner) -> List[Problem]:
    """What systemd does not understand."""
    found = []
    for verb, calendar in schedules.items():
        if not calendar:
            continue
        result = runner.run(["systemd-analyze", "calendar", calendar], timeout=60)
        if result.rc != 0 or "\n" in calendar:
            remedy = "write a calendar event of systemd.time(7), such as monthly or Sun *-*-01..07 03:00"
            found.append(Problem(verb, "%r is no time that systemd knows" % calendar, remedy))
    return found


def wanted_states(pool: str, schedules: Mapping[str, Optional[str]]) -> List[WantedState]:
    """What to bring to the host, in this order. A schedule that is None is left as it is, an empty one ends."""
    files: List[WantedFile] = []
    services: List[WantedService] = []
    ended: List[WantedService] = []
    absent: List[WantedFile] = []
    for verb, calendar in schedules.items():
        if calendar is None:
            continue
        name = FOLDER + unit(verb, pool)
        if calendar == "":
            ended.append(WantedService(unit(verb, pool) + ".timer", "stopped", False))
            absent += [WantedFile(name + ending, state="absent") for ending in (".timer", ".service")]
            continue
        words = {"verb": verb, "pool": pool, "calendar": calendar}
        files += [
            WantedFile(name + ".service", content=HEADING + SERVICE % words),
            WantedFile(name + ".timer", content=HEADING + TIMER % words),
        ]
        services.append(WantedService(unit(verb, pool) + ".timer", "started", True, restart_on=(name + ".timer",)))
    # A timer has to end before its file goes.
    states = [WantedState(services=ended), WantedState(files=absent), WantedState(files=files, services=services)]
    return [state for state in states if state.files or state.services]
