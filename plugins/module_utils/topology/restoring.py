# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbook restore does where: who gets a member's data, who is built anew around it. Pure."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import PEER_PORT
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import join_endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.external_etcd import configured, in_pod
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, text

#: The first look of playbook restore, and its second one, when external etcd has its data and the control planes have none yet.
RESTORE, RESTORE_ETCD = "restore", "restore_etcd"
PLAYBOOKS = (RESTORE, RESTORE_ETCD)
OPERATION = "restore"


def is_new(node: Node) -> bool:
    """Whether the node has to be built around the restored data: a blank machine, or one where that was begun."""
    return node.state == "blank" or (node.state == "started" and text(node.started.get("operation")) == OPERATION)


def plan_restore(topology: Topology) -> Dict[str, Any]:
    """``initial_cluster`` (name to peer URL), ``members`` (host to name), ``new`` and ``standing`` control planes."""
    members = [node for node in topology.etcd_members if node.address is not None]
    return {
        "initial_cluster": {node.name: "https://%s" % join_endpoint(str(node.address), PEER_PORT) for node in members},
        "members": {node.host: node.name for node in members},
        "new": [node.host for node in topology.control_planes if is_new(node)],
        "standing": [node.host for node in topology.control_planes if not is_new(node)],
    }


def restore_work(topology: Topology) -> Dict[str, List[str]]:
    """Group -> hosts of the first look. Where no machine is new, nothing is prepared: that time counts."""
    plan = plan_restore(topology)
    new = bool(plan["new"])
    external = topology.settings.etcd_mode == "external"
    blank_pods = [node.host for node in topology.etcd_members if in_pod(node) and not configured(node)]
    return {
        # Control planes that stand, with etcd elsewhere, have all that they need.
        "plan_restore_hosts": list(plan["members"]) + [host for host in plan["new"] if host not in plan["members"]],
        "plan_restore_etcd": list(plan["members"]) if external else [],
        # Those that stand have what a kubelet needs.
        "plan_etcd_pods": blank_pods if external else [],
        "plan_restore_stop": plan["standing"] if external else [],
        "plan_restore_look": list(topology.nodes) if external else [],
        "plan_restore_new": plan["new"],
        "plan_restore_standing": plan["standing"],
        "plan_restore_prepare": [node.host for node in topology.cluster_nodes] if new else [],
        "plan_restore_workers": [node.host for node in topology.workers if node.readable and node.state == "worker"],
    }


def summary(topology: Topology) -> List[str]:
    """One line for each host, in the order in which things happen."""
    plan = plan_restore(topology)
    lines: List[str] = []
    for host in plan["members"]:
        if host not in plan["new"] and host not in plan["standing"]:
            lines.append("%s: stop etcd, set its data aside, restore the member" % host)
    for host in plan["standing"]:
        what = ", set etcd's data aside, restore the member" if host in plan["members"] else ""
        lines.append("%s: stop the control plane%s, start it again" % (host, what))
    for host in plan["new"]:
        lines.append("%s: build a control plane around the restored %s" % (host, "member" if host in plan["members"] else "keys"))
    for node in topology.workers:
        if node.readable and node.state == "worker":
            lines.append("%s: restart the kubelet" % node.host)
        else:
            lines.append("%s: left alone (%s)" % (node.host, node.why_not or node.state))
    return lines
