# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd's units that a plan asks about, read by one call; the firewall and time synchronisation follow from them."""

from __future__ import annotations

from typing import Any, Dict, Optional, Set

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import parse_properties
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

FIREWALLS = ("firewalld", "ufw", "nftables")
TIME_SERVICES = ("chronyd", "chrony", "systemd-timesyncd", "ntpd", "ntpsec", "ntp", "openntpd")
RUNTIMES = ("containerd", "docker", "cri-docker", "crio")
UNITS = ("kubelet",) + RUNTIMES + FIREWALLS + TIME_SERVICES


def read_active(runner: Runner, timeout: float, problems: Problems) -> Set[str]:
    """Those of UNITS that are active."""
    if not runner.exists("/run/systemd/system"):
        problems.add("services", "systemd does not run here, so no service's state is known")
        return set()
    units = [name + ".service" for name in UNITS]
    result = runner.run(["systemctl", "show", "--property=Id,Names,ActiveState", "--"] + units, timeout=timeout)
    if result.rc != 0:
        problems.add("services", "systemctl show: %s" % (result.stderr.strip() or "exit code %d" % result.rc))
    return parse_active(result.stdout)


def parse_active(text: str) -> Set[str]:
    """The names, with those of their aliases, of active units in the output of systemctl show."""
    active: Set[str] = set()
    for section in text.split("\n\n"):
        properties = parse_properties(section)
        if properties.get("ActiveState") in ("active", "reloading"):
            names = [properties.get("Id", "")] + properties.get("Names", "").split()
            active.update(name[: -len(".service")] for name in names if name.endswith(".service"))
    return active


def firewall(active: Set[str], ufw_configuration: str) -> str:
    """firewalld, ufw, nftables or none. ufw's unit is active also where ufw itself is switched off."""
    enabled = any(line.strip().upper() == "ENABLED=YES" for line in ufw_configuration.splitlines())
    for name in FIREWALLS:
        if name in active and (name != "ufw" or enabled):
            return name
    return "none"


def read_time_sync(runner: Runner, active: Set[str], timeout: float) -> Dict[str, Any]:
    """synchronized (None where nobody can tell) and service."""
    service = next((name for name in TIME_SERVICES if name in active), None)
    if not runner.exists("/run/systemd/system"):
        return {"synchronized": None, "service": service}
    # timedated is started by D-Bus for this; where D-Bus is broken the question would last 25 s.
    result = runner.run(["timedatectl", "show", "--property=NTPSynchronized", "--value"], timeout=min(timeout, 3))
    return {"synchronized": parse_synchronized(result.stdout) if result.rc == 0 else None, "service": service}


def parse_synchronized(text: str) -> Optional[bool]:
    """What timedatectl says, which is what the kernel's clock says."""
    return {"yes": True, "no": False}.get(text.strip())
