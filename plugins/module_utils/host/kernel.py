# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel modules and sysctls of the running kernel. What survives a reboot are files, and they are not this file's subject."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: A module that is built into the kernel may have no folder under /sys/module; these paths exist with the feature.
SIGNS = {
    "br_netfilter": "/proc/sys/net/bridge",
    "ip_vs": "/proc/net/ip_vs",
    "nf_conntrack": "/proc/sys/net/netfilter/nf_conntrack_max",
}


def missing_modules(runner: Runner, names: Sequence[str]) -> List[str]:
    """Those of the names that the running kernel has neither loaded nor built in."""
    filesystems = (runner.read("/proc/filesystems") or "").split()
    builtin = runner.read("/lib/modules/%s/modules.builtin" % (runner.read("/proc/sys/kernel/osrelease") or "").strip()) or ""
    built = {line.rsplit("/", 1)[-1].split(".ko")[0].replace("-", "_") for line in builtin.split()}
    return [
        name
        for name in names
        if not runner.exists("/sys/module/%s" % name.replace("-", "_"))
        and name not in filesystems
        and name.replace("-", "_") not in built
        and not (name in SIGNS and runner.exists(SIGNS[name]))
    ]


def load_modules(runner: Runner, names: Sequence[str]) -> None:
    """Load modules, all in one call.

    :raises HostStateError: the kernel has no such module.
    """
    result = runner.run(["modprobe", "-a", "--"] + list(names), timeout=60)
    if result.rc != 0:
        raise HostStateError(
            "kernel modules %s" % ", ".join(names),
            "modprobe says: %s" % (result.stderr.strip() or result.stdout.strip() or "exit code %d" % result.rc),
            "boot a kernel that has them (a rented server may run the provider's own kernel), or choose a mode that needs none",
        )


def sysctl_path(key: str) -> str:
    """Where the kernel keeps a sysctl: dots are slashes, and a slash in a key stands for a dot in a name."""
    return "/proc/sys/" + key.translate(str.maketrans("./", "/."))


def differing_sysctls(runner: Runner, wanted: Mapping[str, object]) -> Dict[str, Tuple[str, str]]:
    """key -> (value now, value wanted), both with single blanks; the value now is empty where the kernel lacks the key."""
    differing = {}
    for key, value in wanted.items():
        want = " ".join(str(int(value) if isinstance(value, bool) else value).split())
        have = " ".join((runner.read(sysctl_path(key)) or "").split())
        if have != want:
            differing[key] = (have, want)
    return differing


def set_sysctls(values: Mapping[str, str]) -> None:
    """Set sysctls of the running kernel.

    :raises HostStateError: the kernel lacks one or refuses a value.
    """
    for key, value in values.items():
        try:
            with open(sysctl_path(key), "w", encoding="ascii") as stream:
                stream.write(value)
        except OSError as error:
            raise HostStateError(
                "sysctl %s" % key,
                "the kernel does not take %r: %s" % (value, error.strerror or error),
                "check the name and the value, and that the module that owns it is loaded",
            )
