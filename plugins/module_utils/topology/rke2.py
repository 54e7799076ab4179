# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does where, in a cluster of RKE2: who begins it, who joins at which address, who has the token. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import join_endpoint
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.layout import API_PORT
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import Node, Topology, entries, mapping, text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.plan import host_groups

DISTRIBUTION = "rke2"
BUILD, UPGRADE, REMOVE, BACKUP, RESTORE, LOOK = "rke2_ha", "rke2_upgrade", "rke2_remove", "backup", "restore", ""
#: Those that know a cluster of RKE2; preflight alone has no name.
PLAYBOOKS = (BUILD, UPGRADE, REMOVE, BACKUP, RESTORE, LOOK)


def seen(node: Node) -> Mapping[str, Any]:
    """What was read of RKE2 on the host."""
    return mapping(node.facts.get("rke2"))


def is_member(node: Node) -> bool:
    """Whether a server is a member of etcd, or an agent was taken in."""
    return seen(node).get("data") is True if "control_plane" in node.groups else seen(node).get("joined") is True


def first_server(topology: Topology) -> Optional[Node]:
    """The server that begins the cluster: none where one has data; the one that was to; else the first of the inventory."""
    servers = topology.control_planes
    if any(is_member(node) for node in topology.cluster_nodes):
        return None
    begun = [node for node in servers if seen(node).get("configured") is True and not seen(node).get("server")]
    return next(iter(begun + servers), None)


def join_host(topology: Topology) -> str:
    """The host that servers and agents join at: that of the endpoint, else of the only server."""
    if topology.endpoint_host:
        return topology.endpoint_host
    address = topology.control_planes[0].address if topology.control_planes else None
    return str(address or "")


def leaving(topology: Topology) -> List[str]:
    """Names of nodes that a person wants gone. A machine that is dead is in no inventory any more, and has its name alone."""
    said = [entries(node.setting("rke2_leaving")) for node in topology.control_planes]
    return list(dict.fromkeys(text(name) for names in said for name in names if text(name)))


def staying(topology: Topology) -> List[Node]:
    """Servers that are ready, and not among those."""
    gone = leaving(topology)
    return [node for node in topology.control_planes if node.name not in gone and seen(node).get("ready") is True]


def _begins(topology: Topology, node: Node, first: Optional[Node]) -> bool:
    """Whether the node has no key C(server): the one that begins the cluster, or began it, or is the first one after a restore."""
    if "control_plane" not in node.groups:
        return False
    if topology.playbook == RESTORE:
        # RKE2 resets no server that has it, and those whose data was set aside would begin clusters of their own without it.
        return node is _restore_host(topology)
    return node is first or (is_member(node) and seen(node).get("configured") is True and not seen(node).get("server"))


def plan_rke2(topology: Topology) -> Dict[str, Any]:
    """The parts of the plan that differ from kubeadm's."""
    servers, agents = topology.control_planes, topology.workers
    first = first_server(topology)
    ready = [node for node in servers if seen(node).get("ready") is True]
    # Where none is ready, one that has been: its authority and its token are the cluster's.
    ask = next(iter(ready + [node for node in [first] if node] + [node for node in servers if is_member(node)] + servers), None)
    token = next((node for node in servers if seen(node).get("token") is True), first or ask)
    work = _work(topology, first, ask, token)
    return {
        "init": None,
        "ask": ask.host if ask else None,
        "api_host": ask.host if ask else None,
        "endpoint": join_endpoint(join_host(topology), API_PORT) if join_host(topology) else "",
        "endpoint_port": API_PORT,
        "load_balancer_backends": [{"name": node.name, "address": str(node.address or ""), "port": API_PORT} for node in servers],
        "work": work,
        "host_groups": host_groups(work, list(topology.nodes)),
        "summary": _summary(topology, first),
        "rke2": {
            "first": first.host if first else None,
            "token_host": token.host if token else None,
            "sans": _sans(topology),
            "server": {node.host: "" if _begins(topology, node, first) else join_host(topology) for node in servers + agents},
        },
    }


def _work(topology: Topology, first: Optional[Node], ask: Optional[Node], token: Optional[Node]) -> List[Dict[str, str]]:
    servers, agents = topology.control_planes, topology.workers
    by_keepalived = topology.vip is not None and not topology.directors and not topology.kube_vip
    groups: Dict[str, List[Node]] = {}
    if topology.playbook in (BUILD, UPGRADE):
        groups = {
            "plan_rke2": servers + agents,
            "plan_rke2_token": [token] if token else [],
            "plan_rke2_stopped": [node for node in servers if is_member(node) and not entries(seen(node).get("roles"))],
            "plan_rke2_first": [first] if first else [],
            "plan_rke2_servers": [node for node in servers if node is not first],
            "plan_rke2_agents": agents,
            "plan_rke2_ask": [ask] if ask else [],
            "plan_balancers": topology.group("load_balancers"),
            "plan_keepalived": topology.vip_nodes if by_keepalived else [],
            "plan_directors": topology.directors,
            "plan_real_servers": topology.real_servers if topology.lvs_mode == "dr" else [],
        }
    elif topology.playbook == REMOVE:
        gone = leaving(topology)
        groups = {
            "plan_rke2_leave_ask": staying(topology)[:1],
            "plan_rke2_leaving": [node for node in topology.cluster_nodes if node.name in gone],
        }
    elif topology.playbook == LOOK:
        groups = {"plan_rke2_look": [ask] if ask else []}
    elif topology.playbook == BACKUP:
        groups = {"plan_rke2_backup": [ask] if ask else []}
    elif topology.playbook == RESTORE:
        at = _restore_host(topology)
        groups = {
            "plan_rke2_token": [token] if token else [],
            "plan_rke2_restore": servers,
            "plan_rke2_restore_first": [at] if at else [],
            "plan_rke2_restore_others": [node for node in servers if node is not at],
            "plan_rke2_restore_agents": agents,
        }
    return [{"group": group, "host": node.host} for group, nodes in groups.items() for node in nodes]


def _restore_host(topology: Topology) -> Optional[Node]:
    """The server that has the snapshot: the named one, else the first."""
    named = {text(node.setting("rke2_restore_host")) for node in topology.control_planes} - {""}
    return next((node for node in topology.control_planes if node.host in named), None) or next(iter(topology.control_planes), None)


def _sans(topology: Topology) -> List[str]:
    """Every name and address that clients reach a server by, in a fixed order: each server has the same certificate's names."""
    names = [topology.endpoint_host, str(topology.vip or "")]
    for node in topology.control_planes:
        names += [node.name, str(node.address or "")]
    names += [str(node.address or "") for node in topology.group("load_balancers")]
    names += [text(one) for one in topology.settings.certificate_sans]
    return list(dict.fromkeys(name for name in names if name))


def _summary(topology: Topology, first: Optional[Node]) -> List[str]:
    lines = []
    for node in topology.cluster_nodes:
        what = "server" if "control_plane" in node.groups else "agent"
        version = text(seen(node).get("version"))
        if node is first:
            lines.append("%s: begin the cluster as its first server" % node.host)
        elif is_member(node):
            lines.append("%s: %s of the cluster%s" % (node.host, what, " (%s)" % version if version else ""))
        else:
            lines.append("%s: join as %s" % (node.host, what))
    return lines
