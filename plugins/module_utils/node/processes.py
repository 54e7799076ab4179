# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes, those of static pods above all, by the kernel's own word: no runtime has to be asked."""

from __future__ import annotations

import posixpath
import re
from typing import Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: What the kernel counts a process' start in (man proc_pid_stat: sysconf(_SC_CLK_TCK), which is 100 on Linux).
TICKS = 100.0


class Process(NamedTuple):
    """A running program and when it began, in seconds since the epoch."""

    pid: int
    started: float


def command_lines(runner: Runner, program: str) -> Iterator[Tuple[int, List[str]]]:
    """Process id and arguments of each process of a program, whatever directory it was started from."""
    for name in runner.list_dir("/proc"):
        if is_digits(name):
            argv = (runner.read("/proc/%s/cmdline" % name) or "").split("\0")
            if posixpath.basename(argv[0]) == program:
                yield int(name), argv[1:]


def running(runner: Runner, program: str, in_pods: bool = True) -> List[Process]:
    """The processes of a program that run in pods, or those that do not, oldest first."""
    uptime = re.match(r"[0-9]{1,12}(\.[0-9]+)?", runner.read("/proc/uptime") or "")
    booted = runner.now() - (float(uptime.group()) if uptime else 0.0)
    found = []
    for pid, _arguments in command_lines(runner, program):
        if ("kubepods" in (runner.read("/proc/%d/cgroup" % pid) or "")) is not in_pods:
            continue
        started = _ticks(runner.read("/proc/%d/stat" % pid) or "")
        if started is not None:
            found.append(Process(pid, booted + started / TICKS))
    return sorted(found, key=lambda process: process.started)


def _ticks(stat: str) -> Optional[float]:
    """Field 22 of /proc/PID/stat; the program's name before may hold spaces and brackets."""
    fields = stat.rpartition(")")[2].split()
    return float(fields[19]) if len(fields) > 19 and is_digits(fields[19]) else None
