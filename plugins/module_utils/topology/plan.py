# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run will do where. Chosen by what was read off the nodes, never by a host's place in the inventory alone. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import join_endpoint, parse_address
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.interfaces import OWN_INTERFACE
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.external_etcd import plan_etcd
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.external_etcd import summary as etcd_summary
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.interconnect import PLAYBOOK as INTERCONNECT
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.interconnect import plan_interconnect, plan_pod_mtu
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    MEMBER_STATES,
    Node,
    Topology,
    entries,
    mapping,
    text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.leaving import ALIVE, BEGUN, BLANK, DEAD
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.names import nowhere
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import grouped, listed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.restoring import (
    PLAYBOOKS,
    RESTORE,
    plan_restore,
    restore_work,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.restoring import summary as restore_summary
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import number_or

#: keepalived's priorities go down from here in steps of one; 255 would mean the owner of the address.
HIGHEST_PRIORITY = 150
ETCD_PORT = 2379
#: As roles/kube_vip/vars has it.
FIRST_MANIFEST = "/etc/kubernetes/kube-vip/kube-vip.yaml"
TWO_MEMBERS = (
    "with 2 members the cluster stops when EITHER of the two servers dies, which is twice as likely as with 1: "
    "take this for a step on the way to 3, and take it soon"
)
STAYS = (
    "stays as it is: it works, and no new machine of its group is in the inventory to take its place; "
    "add one beside it, or install it anew for a disk that was lost"
)
SILENT = "the API answers on no control plane: what is amiss on the nodes is set right, then it is waited for"
SECURITY = "security"
#: Playbooks that change a cluster that lives. They touch who comes, who goes, and who must know of it.
CHANGES = ("join", "remove", "replace", "grow")
#: Condition of a machine that leaves -> what is done about it.
DEPARTURES = {
    ALIVE: "leaves: drained, reset, and taken out of the cluster",
    DEAD: "leaves: taken out of the cluster by name; the machine itself is not touched",
    BLANK: "what the cluster knows under this name is taken out; the machine is blank",
    BEGUN: "a member of etcd that never started is taken out; the machine goes on joining",
}


def make_plan(topology: Topology) -> Dict[str, Any]:
    """The plan as plain data. It is made of whatever is known: where there are problems it is for reading only."""
    init = None if topology.playbook in CHANGES else _init(topology)
    joiners = [] if topology.playbook == "remove" else [node for node in topology.cluster_nodes if _joins(node)]
    join_control_planes = [node.host for node in joiners if "control_plane" in node.groups and node.host != init]
    join_workers = [node.host for node in joiners if "control_plane" not in node.groups]
    chosen = healthiest(topology)
    # A cluster whose API is silent is repaired as far as the roles can, then waited for: never passed over as if it were well.
    silent = None if chosen or init else healthiest(topology, ready=False)
    ask = chosen.host if chosen else silent.host if silent else None
    etcd = plan_etcd(topology)
    pod_networks = [] if init or joiners or topology.leaving else _pod_networks(topology, ask)
    interconnect = plan_interconnect(topology)
    if topology.playbook == INTERCONNECT:
        work = [{"group": "plan_interconnect", "host": host} for host in interconnect]
        lines = ["%s: %s %s on %s" % (host, end["type"], end["address"], end["interface"]) for host, end in interconnect.items()]
    elif topology.playbook in PLAYBOOKS:
        work, lines = _restore_work(topology, etcd), restore_summary(topology)
    else:
        work = ([{"group": "plan_silent", "host": silent.host}] if silent else []) + (
            _work(topology, init, ask, join_control_planes, join_workers, etcd, pod_networks)
            + _endpoint_work(topology, join_control_planes, [init])
            + _change_work(topology, ask, join_control_planes + join_workers)
        )
        lines = _growth(topology) + ([SILENT] if silent else []) + _leaving_summary(topology) + etcd_summary(topology, etcd)
        lines += _around(topology, work) + _summary(topology, init, join_control_planes, join_workers)
    return {
        "playbook": topology.playbook,
        "kubernetes_version": topology.release.version.text if topology.release else topology.settings.kubernetes_version,
        "versions": versions(topology),
        "kubeconfig": topology.settings.kubeconfig,
        "endpoint": endpoint(topology, init),
        "nodes": {node.host: _node(node) for node in topology.nodes.values()},
        # Hosts of etcd and load balancers are no nodes of Kubernetes.
        "node_names": [node.name for node in topology.cluster_nodes],
        "serving_names": {node.name: _own_addresses(topology, node) for node in topology.cluster_nodes},
        "pod_networks": pod_networks,
        "hosts_entries": _hosts_entries(topology),
        "init": init,
        "ask": ask,
        # Who answers for the cluster once the run has come to it: the one that can be asked now, or the one to initialise.
        "api_host": ask or init,
        "api_server": _api_server(topology, ask or init),
        "join_control_planes": join_control_planes,
        "join_workers": join_workers,
        "leaving": [one.as_dict() for one in topology.leaving],
        "work": work,
        "host_groups": host_groups(work, list(topology.nodes)),
        "summary": lines,
        "restore": plan_restore(topology),
        "certificates": [first for node in topology.nodes.values() for first in _first_to_expire(node)],
        "machines": {node.name: node.machine for node in topology.cluster_nodes},
        # The check of the VIP's holder asks what the endpoint leads to.
        "endpoint_port": _endpoint_port(topology),
        "interconnect": interconnect,
        "pod_mtu": plan_pod_mtu(topology),
        "keepalived": _keepalived(topology, init),
        "kube_vip": {node.host: {"interface": topology.vip_interface(node)} for node in topology.control_planes}
        if topology.kube_vip
        else {},
        # What the kubelet has to run from the first moment on, by the paths where role kube_vip leaves it.
        "static_pods": [FIRST_MANIFEST] if topology.kube_vip else [],
        "load_balancer_backends": [
            {"name": node.name, "address": str(node.address or ""), "port": topology.settings.api_port}
            for node in topology.control_planes
        ],
        "lvs_real_servers": [
            {"name": node.name, "address": str(node.address or ""), "weight": node.setting("lvs_weight")}
            for node in topology.real_servers
        ],
        "lvs_peer_mac_addresses": _peer_mac_addresses(topology),
        "etcd_endpoints": etcd["endpoints"]
        or [
            "https://%s" % join_endpoint(str(node.address), ETCD_PORT)
            for node in topology.etcd_members
            if node.address is not None
        ],
        "external_etcd": etcd,
    }


def _work(
    topology: Topology,
    init: Optional[str],
    ask: Optional[str],
    control_planes: List[str],
    workers: List[str],
    etcd: Mapping[str, Any],
    pod_networks: Sequence[Mapping[str, Any]],
) -> List[Dict[str, str]]:
    """The groups that the plays are for, a host each. A play without hosts costs nothing, one full of skipped tasks does."""
    api_host = ask or init
    secures = topology.playbook == SECURITY
    kubelets = secures and (topology.settings.kubelet_serving or topology.settings.cis)
    changes, removes = topology.playbook in CHANGES, topology.playbook == "remove"
    members = [] if changes or init or ask is None else _members(topology, ask)
    groups: Dict[str, List[Optional[str]]] = {
        "plan_init": [init],
        "plan_compare": [ask if init is None else None],
        "plan_api_host": [api_host],
        "plan_host_of_credentials": [api_host if control_planes or workers else None],
        "plan_join_control_planes": list(control_planes),
        "plan_join_workers": list(workers),
        "plan_backup": [node.host for node in topology.backup_hosts],
        "plan_zfs_backup": [node.host for node in topology.nodes.values() if node.setting("zfs_backup_datasets")],
        "plan_zfs_backup_restore": [
            node.host for node in topology.nodes.values() if node.host == text(node.setting("zfs_backup_restore_on"))
        ],
        "plan_members": list(members),
        "plan_routed": list(members) if pod_networks else [],
        "plan_prepare": [node.host for node in topology.cluster_nodes if node.host not in members],
        "plan_pod_network": [node.host for node in topology.cluster_nodes],
        "plan_security": [node.host for node in topology.control_planes if node.state == "control_plane" and secures],
        "plan_security_kubelets": [node.host for node in topology.cluster_nodes if kubelets and node.state in MEMBER_STATES],
        "plan_kubelet_serving": [api_host if topology.settings.kubelet_serving and not removes else None],
        "plan_revoke": [node.host for node in topology.control_planes if _holds_token(node)],
        # Members of external etcd are not touched where only nodes of Kubernetes come and go.
        "plan_etcd_pods": [] if changes else etcd["pods"],
        "plan_etcd_authority": [None if removes else etcd["authority"]],
        "plan_etcd_together": [] if changes else etcd["together"],
        "plan_etcd_one_by_one": [] if changes else etcd["one_by_one"],
        "plan_etcd_clients": [] if removes else etcd["clients"],
        "plan_etcd_sign": [etcd["authority"] if etcd["clients"] and not removes else None],
        "plan_snapshot_controller": [api_host if _asked(topology, "snapshot_controller_enabled") else None],
        "plan_openebs_zfs": [api_host if _named(topology, "openebs_zfs_pool") else None],
        "plan_longhorn": [api_host if _asked(topology, "longhorn_enabled") else None],
        "plan_longhorn_nodes": [
            node.host
            for node in topology.cluster_nodes
            if _asked(topology, "longhorn_enabled") and (not changes or node.host in control_planes + workers)
        ],
        "plan_ceph_csi": [api_host if _named(topology, "ceph_csi_cluster_id") else None],
        "plan_node_problem_detector": [api_host if _asked(topology, "node_problem_detector_enabled") else None],
        "plan_monitoring": [api_host if _named(topology, "monitoring_mode") else None],
        # Where nodes only come and go, the others have it already.
        "plan_hardware_watch": [host for host in _watched(topology) if not changes or host in control_planes + workers],
        "plan_etcd_given": [] if removes else etcd["given"],
        "plan_metallb": [api_host if any(node.setting("metallb_address_pools") for node in topology.control_planes) else None],
        "plan_return_routes": [node.host for node in topology.cluster_nodes if node.setting("metallb_return_routes")],
        # Where nodes come and go, the disks of those that stay are left alone.
        "plan_zfs": [host for host in _with_pools(topology) if not changes or host in control_planes + workers],
    }
    return [{"group": group, "host": host} for group, hosts in groups.items() for host in hosts if host is not None]


def host_groups(work: Sequence[Mapping[str, str]], order: Sequence[str]) -> List[Dict[str, Any]]:
    """Hosts with their groups, in an order that gives each group its own; one entry for a host where that can be.

    An entry takes Ansible 30 ms.
    """
    groups = grouped((entry["group"], entry["host"]) for entry in work)
    position = {host: number for number, host in enumerate(order)}
    together: Dict[str, List[str]] = {}
    apart: List[Dict[str, Any]] = []
    for group, hosts in groups.items():
        places = [position.get(host, -1) for host in hosts]
        if min(places) >= 0 and places == sorted(places):
            for host in hosts:
                together.setdefault(host, []).append(group)
        else:
            apart += [{"host": host, "groups": [group]} for host in hosts]
    return [{"host": host, "groups": together[host]} for host in order if host in together] + apart


def _asked(topology: Topology, switch: str) -> bool:
    """Whether the control planes have a switch set of something that is the cluster's."""
    return any(node.says(switch) for node in topology.control_planes)


def _named(topology: Topology, setting: str) -> bool:
    """Whether the control planes name something that is the cluster's."""
    return any(text(node.setting(setting)) for node in topology.control_planes)


def _watched(topology: Topology) -> List[str]:
    return [node.host for node in topology.nodes.values() if node.says("hardware_watch_enabled")]


def _members(topology: Topology, ask: str) -> List[str]:
    """Nodes that are in the cluster, while its API answers: what they are to have is known without a step on another node."""
    ready = mapping(topology.nodes[ask].facts.get("apiserver")).get("ready") is True
    return [node.host for node in topology.cluster_nodes if ready and node.state in ("control_plane", "worker")]


def _restore_work(topology: Topology, etcd: Mapping[str, Any]) -> List[Dict[str, str]]:
    """The groups of playbook restore, and those of other playbooks that it imports: none of them may begin a new cluster."""
    if topology.playbook == RESTORE:
        groups = restore_work(topology)
        new = plan_restore(topology)["new"]
        endpoint_work = _endpoint_work(topology, new, new) if groups["plan_restore_new"] else []
        groups["plan_zfs"] = _with_pools(topology)
        return [{"group": group, "host": host} for group, hosts in groups.items() for host in hosts] + endpoint_work
    wanted = {
        "plan_etcd_authority": [etcd["authority"]],
        "plan_etcd_together": etcd["together"],
        "plan_etcd_clients": etcd["clients"],
        "plan_etcd_sign": [etcd["authority"] if etcd["clients"] else None],
        "plan_etcd_given": etcd["given"],
    }
    return [{"group": group, "host": host} for group, hosts in wanted.items() for host in hosts if host is not None]


def _with_pools(topology: Topology) -> List[str]:
    return [node.host for node in topology.nodes.values() if node.setting("zfs_pools")]


def _holds_token(node: Node) -> bool:
    """Whether a run that was killed may have left a token for joins."""
    ready = mapping(node.facts.get("apiserver")).get("ready") is True
    return ready and node.state == "control_plane" and node.kubeadm.get("join_token") is True


def _change_work(topology: Topology, ask: Optional[str], joining: Sequence[str]) -> List[Dict[str, str]]:
    """Who goes and who takes them out, who comes, and who is told of it, where a cluster that lives is changed."""
    if topology.playbook not in CHANGES:
        return []
    reached = [node for node in topology.left_out.values() if node.readable]
    groups = {
        "plan_leave_host": [ask] if ask is not None and topology.leaving else [],
        "plan_leaving": list(topology.left_out),
        "plan_leaving_keepalived": [node.host for node in reached if _holds_address(topology, node)],
        "plan_leaving_kube_vip": [node.host for node in reached if topology.runs_kube_vip(node)],
        "plan_leaving_reached": [node.host for node in reached],
        "plan_arriving": list(joining),
        "plan_staying": [node.host for node in topology.cluster_nodes if node.host not in joining],
        "plan_backup_arriving": [node.host for node in topology.control_planes if node.host in joining and _backed_up(node)],
    }
    return [{"group": group, "host": host} for group, hosts in groups.items() for host in hosts]


def _backed_up(node: Node) -> bool:
    """Whether the settings have backups taken on this host, which nothing else of a cluster's playbooks sets up."""
    return bool(node.setting("backup_passphrase") or node.setting("backup_age_recipients"))


def _holds_address(topology: Topology, node: Node) -> bool:
    """Whether a host that leaves takes part in holding the virtual address."""
    elsewhere = topology.vip is None or topology.directors or topology.group("load_balancers")
    return not elsewhere and "control_plane" in node.groups and bool(node.package("keepalived"))


def _leaving_summary(topology: Topology) -> List[str]:
    lines = ["%s: %s" % (one.name, DEPARTURES[one.condition]) for one in topology.leaving]
    # Of a name that leaves nobody: what a machine does that works, and that no other is there to replace.
    leaving = {name for one in topology.leaving for name in (one.name, one.host)}
    staying = [name for name in topology.named if name not in leaving and topology.playbook == "replace"]
    return lines + ["%s: %s" % (name, STAYS) for name in staying]


def _endpoint_work(
    topology: Topology, join_control_planes: Sequence[str], first: Sequence[Optional[str]] = ()
) -> List[Dict[str, str]]:
    """Who has a part in the endpoint. A single API server without a VIP is its own endpoint.

    :param first: hosts that kubeadm makes control planes of while no other one holds the VIP.
    """
    if topology.playbook == "join" and not join_control_planes:
        return []  # workers are nobody's backend
    by_keepalived = topology.vip is not None and not topology.directors and not topology.kube_vip
    groups = {
        "plan_balancers": topology.balancers if topology.balanced else [],
        "plan_keepalived": topology.vip_nodes if by_keepalived else [],
        "plan_kube_vip": topology.control_planes if topology.kube_vip else [],
        "plan_kube_vip_first": [node for node in topology.control_planes if topology.kube_vip and node.host in first],
        "plan_directors": topology.directors,
        "plan_failover_ip": [node for node in topology.control_planes if text(node.setting("failover_ip_provider"))],
        "plan_real_servers": topology.real_servers if topology.lvs_mode == "dr" else [],
    }
    return [{"group": group, "host": node.host} for group, nodes in groups.items() for node in nodes]


def _peer_mac_addresses(topology: Topology) -> Dict[str, List[str]]:
    """Each director's peers by their MACs, where a director is a real server; else empty lists: IPVS goes by address and port."""
    shared = any(node in topology.real_servers for node in topology.directors)
    return {
        node.host: [text(peer.setting("lvs_mac_address")) for peer in topology.directors if peer.host != node.host]
        if shared
        else []
        for node in topology.directors
    }


def versions(topology: Topology) -> Dict[str, Dict[str, List[str]]]:
    """Program -> version -> hosts that have it, as they were read."""
    found: Dict[str, Dict[str, List[str]]] = {}
    for node in topology.nodes.values():
        runtime = mapping(node.facts.get("runtime"))
        pods = map(mapping, entries(node.facts.get("static_pods")))
        images = [text(pod.get("image")) for pod in pods if pod.get("name") == "etcd"]
        told = {
            "kubelet": node.package("kubelet"),
            "rke2": text(mapping(node.facts.get("rke2")).get("version")),
            # A static pod's is that of its image.
            "etcd": next((image.rpartition(":")[2] for image in images if ":" in image), node.package("etcd")),
            text(runtime.get("name")): text(runtime.get("version")),
        }
        for program, version in told.items():
            if program and version:
                found.setdefault(program, {}).setdefault(version, []).append(node.host)
    return found


def endpoint(topology: Topology, init: Optional[str] = None) -> str:
    """Where kubeconfigs point to: cluster_endpoint with its port, else the API server of the only control plane."""
    settings = topology.settings
    if settings.endpoint:
        return join_endpoint(topology.endpoint_host, number_or(topology.endpoint_port, settings.api_port))
    candidates = [node for node in topology.control_planes if node.address is not None]
    chosen = [node for node in candidates if node.host == init] or candidates
    return join_endpoint(str(chosen[0].address), settings.api_port) if chosen else ""


def _endpoint_port(topology: Topology) -> int:
    """Where the VIP's holder has to answer: its own API server where the endpoint leads there, else its load balancer."""
    settings = topology.settings
    elsewhere = topology.group("load_balancers") or topology.directors
    said = (topology.endpoint_port or str(settings.api_port)) if settings.endpoint and not elsewhere else ""
    return settings.api_port if said == str(settings.api_port) else settings.load_balancer_port


def _api_server(topology: Topology, host: Optional[str]) -> str:
    """The URL of that host's own API server, which its certificate is for: what runs there depends on no endpoint."""
    address = topology.nodes[host].address if host else None
    return "https://%s" % join_endpoint(str(address), topology.settings.api_port) if address is not None else ""


def _joins(node: Node) -> bool:
    """Whether kubeadm join has to run: on a blank node, and on one where a join was begun (or an init that another host has)."""
    return node.state in ("blank", "started")


def _init(topology: Topology) -> Optional[str]:
    """The host to initialise: none where a cluster lives; the one that was half-way; else the first that is blank."""
    control_planes = topology.control_planes
    if any(node.state == "control_plane" and node.cluster_id for node in control_planes):
        return None
    for node in control_planes:
        if node.state == "started" and text(node.started.get("operation")) == "init":
            return node.host
    if any(node.cluster_id for node in topology.cluster_nodes if node.state in ("worker", "started")):
        return None  # some node belongs to a cluster whose control planes can't be seen: a second one would be a disaster
    for node in control_planes:
        if node.state == "blank":
            return node.host
    return None


def healthiest(topology: Topology, ready: bool = True) -> Optional[Node]:
    """A control plane that answers, of these the healthiest: its API server ready, its etcd member healthy, a leader known.

    :param ready: only those whose API server is ready; else the best of all.
    """
    best: Optional[Node] = None
    best_score = -1
    for node in topology.control_planes:
        if node.state != "control_plane" or (ready and mapping(node.facts.get("apiserver")).get("ready") is not True):
            continue
        etcd = mapping(node.facts.get("etcd"))
        score = 2 * (etcd.get("healthy") is True) + (1 if mapping(node.facts.get("kubelet")).get("active") is True else 0)
        if score > best_score:
            best, best_score = node, score
    return best


def _pod_networks(topology: Topology, ask: Optional[str]) -> List[Mapping[str, Any]]:
    """The nodes as the cluster knows them, where each of the inventory's has its pod network; else empty: they are yet to come."""
    facts = topology.nodes[ask].facts if ask else {}
    known = [mapping(entry) for entry in entries(mapping(facts.get("apiserver")).get("nodes"))]
    complete = {text(entry.get("name")) for entry in known if entry.get("pod_cidrs")}
    return known if complete.issuperset(node.name for node in topology.cluster_nodes) else []


def _node(node: Node) -> Dict[str, Any]:
    return {
        "name": node.name,
        "address": str(node.address or ""),
        "interface": node.interface,
        "roles": list(node.groups),
        "state": node.state,
    }


def _own_addresses(topology: Topology, node: Node) -> List[str]:
    """Every address that is this node's alone."""
    held = [one.address for one in node.addresses if one.address != topology.vip and not OWN_INTERFACE.match(one.interface)]
    own = ([node.address] if node.address is not None else []) + [address for address in held if not address.is_loopback]
    return list(dict.fromkeys(map(str, own)))


def _first_to_expire(node: Node) -> List[Dict[str, Any]]:
    """The certificate on this node that expires first, with the node's name; empty where it has none."""
    known = map(mapping, entries(node.facts.get("certificates")))
    dated = [entry for entry in known if isinstance(entry.get("days_left"), int)]
    return [dict(min(dated, key=lambda entry: int(entry["days_left"])), node=node.name)] if dated else []


def _hosts_entries(topology: Topology) -> List[Dict[str, Any]]:
    """One line per address: the nodes, and the VIP under the endpoint's name, so that no DNS is needed to build a cluster."""
    names: Dict[str, List[str]] = {}
    for node in topology.nodes.values():
        if node.address is not None and node.name not in names.setdefault(str(node.address), []):
            names[str(node.address)].append(node.name)
    host = topology.endpoint_host
    if (
        topology.vip is not None
        and host
        and parse_address(host) is None
        and host not in names.setdefault(str(topology.vip), [])
    ):
        names[str(topology.vip)].append(host)
    # A single server that is to grow has a name for its endpoint, which moves to the VIP later; nobody needs it in DNS for that.
    alone = topology.control_planes[0] if len(topology.control_planes) == 1 and topology.vip is None else None
    if alone is not None and alone.address is not None and nowhere(topology):
        names.setdefault(str(alone.address), []).append(host)
    return [{"address": address, "names": known} for address, known in names.items() if known]


def _keepalived(topology: Topology, init: Optional[str]) -> Dict[str, Any]:
    """Priorities fall in the group's order; the host to initialise leads, since only its API server will answer at first."""
    if topology.vip is None:
        return {}
    ordered = sorted(topology.vip_nodes, key=lambda node: node.host != init)
    sources = {node.host: _source(topology, node) for node in ordered}
    return {
        node.host: {
            "priority": max(1, HIGHEST_PRIORITY - position),
            "router_id": topology.settings.router_id,
            "interface": topology.vip_interface(node),
            "source": sources[node.host],
            "peers": [sources[peer.host] for peer in topology.vip_nodes if peer.host != node.host and sources[peer.host]],
        }
        for position, node in enumerate(ordered)
    }


def _source(topology: Topology, node: Node) -> str:
    """The address of a node on the VIP's interface, which VRRP adverts come from: the node's own where it is there."""
    interface = topology.vip_interface(node)
    on_interface = [held.address for held in node.addresses if held.interface == interface and held.address != topology.vip]
    if node.address in on_interface or not on_interface:
        return str(node.address or "")
    family = [address for address in on_interface if topology.vip is not None and address.version == topology.vip.version]
    return str((family or on_interface)[0])


def _around(topology: Topology, work: Sequence[Mapping[str, str]]) -> List[str]:
    """One line for each host that is prepared for the nodes: its pools, and parts of the endpoint on hosts of their own."""
    hosts = grouped((entry["group"], topology.nodes[entry["host"]]) for entry in work if entry["host"] in topology.nodes)
    lines: List[str] = []
    for node in hosts.get("plan_zfs", []):
        pools = [text(mapping(pool).get("name")) for pool in entries(node.setting("zfs_pools"))]
        lines.append("%s: ZFS %s, made or brought to the settings" % (node.host, listed(pools)))
    for node in hosts.get("plan_balancers", []):
        if node not in topology.control_planes:
            lines.append("%s: load balancer, brought to the settings" % node.host)
    for node in hosts.get("plan_directors", []):
        lines.append("%s: director, brought to the settings" % node.host)
    return lines


def _summary(topology: Topology, init: Optional[str], control_planes: List[str], workers: List[str]) -> List[str]:
    """One line per Kubernetes node in the order in which things happen."""
    lines: List[str] = []
    nodes = topology.nodes
    if init:
        lines.append("%s: kubeadm init (%s)" % (init, "finish what was begun" if nodes[init].state == "started" else "blank"))
    for host in control_planes:
        lines.append("%s: join as control plane%s" % (host, _begun(nodes[host])))
    for host in workers:
        lines.append("%s: join as worker%s" % (host, _begun(nodes[host])))
    told = {init} | set(control_planes) | set(workers)
    for node in topology.cluster_nodes:
        if node.host in told:
            continue
        if node.state in ("control_plane", "worker"):
            work = "revoke a killed run's token" if _holds_token(node) else "nothing to do"
            lines.append("%s: %s (%s%s)" % (node.host, work, node.state.replace("_", " "), _version(node)))
        else:
            lines.append("%s: left alone (%s)" % (node.host, node.why_not or node.state))
    return lines


def _growth(topology: Topology) -> List[str]:
    """What a cluster that grows can lose afterwards, in plain words."""
    if topology.playbook != "grow":
        return []
    members, now = topology.etcd_members, [node for node in topology.etcd_members if node.state == "control_plane"]
    lines = ["etcd: %d member%s now, %d afterwards" % (len(now), "" if len(now) == 1 else "s", len(members))]
    if len(members) == 2:
        return lines + [TWO_MEMBERS]
    lost = (len(members) - 1) // 2
    if lost:
        return lines + ["the cluster then survives the loss of %d control plane%s" % (lost, "" if lost == 1 else "s")]
    return lines + ["the cluster still dies with its control plane: a worker adds room, not availability"]


def _begun(node: Node) -> str:
    return " (finish what was begun)" if node.state == "started" else ""


def _version(node: Node) -> str:
    version = text(node.kubeadm.get("version")).lstrip("v")
    return " %s" % version if version else ""
