# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who installs packages on a host at this moment: one of them at a time can."""

from __future__ import annotations

from typing import Set

from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

#: Files that are locked while dpkg, apt and rpm work, and those in which dnf and yum leave their process' number.
LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/lib/rpm/.rpm.lock",
    "/usr/lib/sysimage/rpm/.rpm.lock",
)
PIDS = ("/var/cache/dnf/metadata_lock.pid", "/var/lib/dnf/rpmdb_lock.pid", "/run/yum.pid")
#: As /proc/PID/comm has them, 15 characters at most. Another file of another disk may have the same number as a lock.
PROGRAMS = ("apt", "apt-get", "aptitude", "dpkg", "unattended-upgr", "packagekitd", "dnf", "dnf-automatic", "yum", "rpm", "python3")


def busy(runner: Runner) -> str:
    """The program that is at work, with its process' number; empty where none is."""
    for pid in sorted(_holders(runner) | {(runner.read(path) or "").strip() for path in PIDS}):
        name = (runner.read("/proc/%s/comm" % pid) or "").strip() if is_digits(pid) and pid != "0" else ""
        if name in PROGRAMS:
            return "%s (process %s)" % (name, pid)
    return ""


def _holders(runner: Runner) -> Set[str]:
    """The processes that have one of the locks (proc_locks(5)); those that wait for one have an arrow."""
    inodes = {(runner.identity(path) or "").rpartition(" ")[2] for path in LOCKS} - {""}
    found = set()
    for line in (runner.read("/proc/locks") or "").splitlines() if inodes else []:
        fields = line.split()
        if len(fields) > 5 and fields[3] == "WRITE" and fields[5].rpartition(":")[2] in inodes:
            found.add(fields[4])
    return found
