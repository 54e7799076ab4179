# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is there to the steps that clean it up. Pure."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup.traces import (
    FAMILIES,
    ROUTE_PROTOCOL,
    Found,
    rules_without_kubernetes,
)


class Step(NamedTuple):
    """One command, what it is for, and whether it destroys what could not be made again by a play."""

    text: str
    argv: List[str]
    stdin: Optional[str] = None
    destructive: bool = False


def plan(found: Found) -> List[Step]:
    """The steps in their order: services first, since they would put back what is removed."""
    steps: List[Step] = []
    for unit, (runs, starts_at_boot) in found.services.items():
        if runs:
            steps.append(Step("stop service %s" % unit, ["systemctl", "stop", "--", unit]))
        # The kubelet's package enables it, and the next cluster needs it.
        if starts_at_boot and unit != "kubelet":
            steps.append(Step("disable service %s" % unit, ["systemctl", "disable", "--", unit]))
    for interface, address in found.addresses:
        steps.append(Step("take %s off %s" % (address, interface), ["ip", "address", "delete", address, "dev", interface]))
    for family in found.routes:
        argv = ["ip", "-" + family, "route", "flush", "proto", ROUTE_PROTOCOL]
        steps.append(Step("remove the routes to other nodes' pods (IPv%s)" % family, argv))
    if found.ipvs:
        steps.append(Step("clear kube-proxy's virtual servers", ["ipvsadm", "--clear"]))
    for name in found.links:
        steps.append(Step("delete link %s" % name, ["ip", "link", "delete", name]))
    for family, program in FAMILIES:
        rules = rules_without_kubernetes(found.rules.get(family, ""))
        if rules:
            count = rules.count("\n-X ")
            steps.append(Step("remove %d chains from %s" % (count, program), [program + "-restore", "--noflush", "--wait"], rules))
    for nft_family, table in found.nft_tables:
        steps.append(Step("delete nftables table %s %s" % (nft_family, table), ["nft", "delete", "table", nft_family, table]))
    for path in found.files:
        steps.append(Step("remove %s" % path, ["rm", "-f", "--", path]))
    for path in found.folders:
        keys = path.endswith("/pki")
        steps.append(Step("remove %s" % path, ["rm", "-r", "-f", "--one-file-system", "--", path], destructive=keys))
    if any(path.startswith("/etc/systemd/system/") for path in found.files):
        steps.append(Step("let systemd forget removed units", ["systemctl", "daemon-reload"]))
    return steps
