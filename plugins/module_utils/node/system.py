# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself: operating system, kernel, processor, memory, identity, cgroups and SELinux."""

from __future__ import annotations

import platform
import re
from typing import Any, Dict, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.mounts import mounts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: Words of ID and ID_LIKE in os-release(5) -> the family whose package manager and paths the host has.
FAMILIES = {
    "debian": "debian",
    "ubuntu": "debian",
    "rhel": "redhat",
    "fedora": "redhat",
    "centos": "redhat",
    "rocky": "redhat",
    "almalinux": "redhat",
    "ol": "redhat",
    "amzn": "redhat",
    # openEuler names nobody in ID_LIKE; it has dnf and the RHEL family's paths.
    "openEuler": "redhat",
    "suse": "suse",
    "opensuse": "suse",
    "sles": "suse",
}
#: The kernel's name of a machine -> Kubernetes' (kubernetes.io/arch).
#: What is not here has the same name in both.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


def read(runner: Runner) -> Dict[str, Any]:
    """os, kernel, architecture, python, hostname, machine_id, product_uuid, cpus, memory_mb, cgroup_version, selinux."""
    machine = runner.read("/proc/sys/kernel/arch") or runner.run(["uname", "-m"], timeout=5).stdout
    return {
        "os": parse_os_release(runner.read("/etc/os-release") or runner.read("/usr/lib/os-release") or ""),
        "kernel": (runner.read("/proc/sys/kernel/osrelease") or "").strip(),
        "architecture": ARCHITECTURES.get(machine.strip(), machine.strip()),
        "python": platform.python_version(),
        "hostname": (runner.read("/proc/sys/kernel/hostname") or "").strip(),
        "machine_id": (runner.read("/etc/machine-id") or "").strip(),
        "product_uuid": (runner.read("/sys/class/dmi/id/product_uuid") or "").strip().lower() or None,
        "cpus": count_cpus(runner.read("/proc/self/status") or ""),
        "memory_mb": parse_memory(runner.read("/proc/meminfo") or ""),
        "cgroup_version": cgroup_version(runner.read("/proc/self/mountinfo") or ""),
        "selinux": selinux_mode(runner.read("/sys/fs/selinux/enforce")),
    }


def parse_os_release(text: str) -> Dict[str, Optional[str]]:
    """id, version_id, family (debian, redhat, suse or other), codename and pretty from os-release(5)."""
    values = {}
    for line in text.splitlines():
        key, separator, value = line.strip().partition("=")
        if separator and not key.startswith("#"):
            values[key] = re.sub(r"\\([\\$\"`'])", r"\1", value.strip().strip("\"'"))
    words = [values.get("ID", "")] + values.get("ID_LIKE", "").split()
    return {
        "id": values.get("ID", "linux"),
        "version_id": values.get("VERSION_ID", ""),
        "family": next((FAMILIES[word] for word in words if word in FAMILIES), "other"),
        "codename": values.get("VERSION_CODENAME") or None,
        "pretty": values.get("PRETTY_NAME", values.get("ID", "linux")),
    }


def count_cpus(status: str) -> int:
    """The CPUs that this process may run on, from /proc/self/status: what kubeadm's own check counts."""
    match = re.search(r"^Cpus_allowed_list:\s*([\d,-]+)\s*$", status, re.MULTILINE)
    total = 0
    for part in match.group(1).split(",") if match else []:
        bounds = re.match(r"^([0-9]{1,6})(?:-([0-9]{1,6}))?$", part)
        if bounds:
            total += max(0, int(bounds.group(2) or bounds.group(1)) - int(bounds.group(1)) + 1)
    return total


def parse_memory(meminfo: str) -> int:
    """Whole MiB of memory, from /proc/meminfo."""
    match = re.search(r"^MemTotal:\s+([0-9]+) kB", meminfo, re.MULTILINE)
    return int(match.group(1)) // 1024 if match else 0


def cgroup_version(mountinfo: str) -> int:
    """2 where /sys/fs/cgroup itself is the unified hierarchy; 1 else, also for systemd's hybrid mode, as the kubelet sees it."""
    kinds = [mount.fstype for mount in mounts(mountinfo) if mount.mountpoint == "/sys/fs/cgroup"]
    return 2 if kinds[-1:] == ["cgroup2"] else 1


def selinux_mode(enforce: Optional[str]) -> str:
    """disabled, permissive or enforcing, from /sys/fs/selinux/enforce, which only exists where SELinux is on."""
    if enforce is None:
        return "disabled"
    return "enforcing" if enforce.strip() == "1" else "permissive"
