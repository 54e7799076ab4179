# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of static pods, by the kernel's own word: no runtime has to be asked, and no container of old can answer."""

from __future__ import annotations

import posixpath
from typing import List, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: What the kernel counts a process' start in (man proc_pid_stat: sysconf(_SC_CLK_TCK), which is 100 on Linux).
TICKS = 100.0


class Process(NamedTuple):
    """A running program and when it began, in seconds since the epoch."""

    pid: int
    started: float


def running(runner: Runner, program: str, in_pods: bool = True) -> List[Process]:
    """The processes of a program that run in pods, or those that do not, oldest first."""
    uptime = (runner.read("/proc/uptime") or "0").split()[0]
    booted = runner.now() - float(uptime)
    found = []
    for name in runner.list_dir("/proc"):
        if not name.isdigit():
            continue
        argv = (runner.read("/proc/%s/cmdline" % name) or "").split("\0")
        if posixpath.basename(argv[0]) != program:
            continue
        if ("kubepods" in (runner.read("/proc/%s/cgroup" % name) or "")) is not in_pods:
            continue
        started = _ticks(runner.read("/proc/%s/stat" % name) or "")
        if started is not None:
            found.append(Process(int(name), booted + started / TICKS))
    return sorted(found, key=lambda process: process.started)


def _ticks(stat: str) -> Optional[float]:
    """Field 22 of /proc/PID/stat; the program's name before may hold spaces and brackets."""
    fields = stat.rpartition(")")[2].split()
    try:
        return float(fields[19])
    except (IndexError, ValueError):
        return None
