# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of RKE2: its settings and keys, its servers, its ports, and the way from one version to another."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.quorum import quorum, tolerance
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import Version, VersionError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.config import (
    Fault,
    check_cni,
    check_keys,
    check_profile,
    check_storage,
    release_name,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.credentials import bare
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.keys import OLDEST_MINOR
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.layout import API_PORT, SUPERVISOR_PORT
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    Node,
    Topology,
    entries,
    mapping,
    text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import (
    Problem,
    differing,
    grouped,
    listed,
    of_hosts,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.rke2 import (
    BUILD,
    DISTRIBUTION,
    LOOK,
    PLAYBOOKS,
    REMOVE,
    RESTORE,
    UPGRADE,
    first_server,
    is_member,
    leaving,
    seen,
    staying,
)

#: Ports that RKE2 itself listens on (its documentation, Requirements). Others belong to what runs in it.
SERVER_PORTS = (API_PORT, SUPERVISOR_PORT, 2379, 2380, 10250)
AGENT_PORTS = (10250,)
SHORTEST_TOKEN = 16


def check(topology: Topology) -> Iterator[Problem]:
    yield from _playbook(topology)
    yield from _settings(topology)
    yield from _number(topology)
    yield from _endpoint(topology)
    yield from _passed_on(topology)
    yield from _names(topology)
    yield from _states(topology)
    yield from _versions(topology)
    if topology.playbook == RESTORE:
        yield from _restore(topology)
    if topology.playbook == REMOVE:
        yield from _remove(topology)


def check_foreign(topology: Topology) -> Iterator[Problem]:
    """Playbooks of RKE2 for a cluster that is not said to be one."""
    if topology.playbook in (BUILD, UPGRADE, REMOVE):
        yield Problem(
            "cluster_distribution",
            "playbook %s is for RKE2, and this is %s" % (topology.playbook, topology.settings.distribution),
            "write rke2, or use a playbook of kubeadm such as baremetal.kubernetes.stacked_ha",
        )
    if topology.settings.distribution != "kubeadm":
        yield Problem("cluster_distribution", "%r is none that is known" % topology.settings.distribution, "write kubeadm or rke2")


def _playbook(topology: Topology) -> Iterator[Problem]:
    if topology.playbook not in PLAYBOOKS:
        yield Problem(
            "cluster_distribution",
            "playbook %s is for clusters of kubeadm, and this is one of RKE2" % topology.playbook,
            "for RKE2 there are %s" % listed([name for name in PLAYBOOKS if name != LOOK], 9),
        )


def _settings(topology: Topology) -> Iterator[Problem]:
    release = topology.release
    minor = release.version.minor if release else OLDEST_MINOR
    if minor < OLDEST_MINOR:
        yield Problem(
            "cluster_kubernetes_version",
            "RKE2 %s has no way to show load balancers alone whether its API server is ready"
            % topology.settings.kubernetes_version,
            "write 1.%d or newer; RKE2's older releases get no mends any more" % OLDEST_MINOR,
        )
    groups = (("server", topology.control_planes), ("agent", topology.workers))
    for role, nodes in groups:
        setting = "rke2_%s_config" % role
        yield from _faults(setting, nodes, _keys(role, minor))
    everybody = topology.cluster_nodes
    yield from _faults("rke2_cni", everybody, check_cni)
    yield from _faults("rke2_profile", everybody, check_profile)
    yield from _faults("rke2_snapshot_storage", everybody, lambda value: check_storage(mapping(value)))
    yield from _token(everybody)
    external = topology.settings.etcd_mode != "stacked" or topology.group("etcd")
    if external:
        yield Problem("cluster_etcd_mode", "servers of RKE2 keep etcd themselves", "write stacked, and leave group etcd empty")


def _keys(role: str, minor: int) -> Callable[[Any], Iterator[Fault]]:
    return lambda value: check_keys(mapping(value), role, minor)


def _faults(setting: str, nodes: Iterable[Node], check_value: Callable[[Any], Iterator[Fault]]) -> Iterator[Problem]:
    """The faults of a setting's values, each once with all hosts that have it."""
    given = [(node.host, node.setting(setting)) for node in nodes]
    yield from of_hosts(
        ((setting, *fault), host) for host, value in given for fault in (check_value(value) if value is not None else ())
    )


def _token(nodes: Iterable[Node]) -> Iterator[Problem]:
    """Without a word of the token itself."""
    for setting in ("rke2_token", "rke2_agent_token"):
        values = {node.host: bare(text(node.setting(setting))) for node in nodes}
        short = [host for host, value in values.items() if 0 < len(value) < SHORTEST_TOKEN]
        if short:
            remedy = "write %d characters or more from a vault, or leave it out" % SHORTEST_TOKEN
            yield Problem(setting, "it is shorter than %d characters" % SHORTEST_TOKEN, remedy, tuple(short))
        yield from differing(setting, values, "hosts", "write it once, in group_vars/all.yml", secret=True)


def _number(topology: Topology) -> Iterator[Problem]:
    servers = topology.control_planes
    number, hosts = len(servers), tuple(node.host for node in servers)
    if topology.playbook == REMOVE:
        return
    runs = all(is_member(node) for node in servers)
    if number == 2:
        yield Problem(
            "group control_plane",
            "2 servers are worse than 1: etcd needs both, so the loss of either stops the cluster",
            "add a third, or use one",
            hosts,
            warning=runs,
        )
    elif number and number % 2 == 0:
        yield Problem(
            "group control_plane",
            "%d servers survive the loss of %d, as %d do, and one more can fail" % (number, tolerance(number), number - 1),
            "use %d or %d servers" % (number - 1, number + 1),
            hosts,
            warning=runs,
        )


def _endpoint(topology: Topology) -> Iterator[Problem]:
    if topology.endpoint_port not in (None, str(API_PORT)):
        yield Problem(
            "cluster_endpoint",
            "RKE2 serves its API at port %d, and joins go to port %d of the same host" % (API_PORT, SUPERVISOR_PORT),
            "write %s:%d" % (topology.endpoint_host, API_PORT),
        )
    if topology.settings.api_port != API_PORT:
        yield Problem("cluster_api_port", "RKE2's API server has port %d" % API_PORT, "leave it out")
    if topology.kube_vip and (topology.group("load_balancers") or topology.directors):
        yield Problem(
            "cluster_vip_provider",
            "kube-vip holds an address on servers, and here load balancers or directors have keepalived hold it",
            "write keepalived, or leave the groups load_balancers and directors empty",
        )
    both = [node.host for node in topology.control_planes if node.package("keepalived") and topology.kube_vip]
    if both:
        yield Problem(
            "cluster_vip_provider",
            "kube-vip is to hold the address, and %s have keepalived, which may hold it too" % listed(both),
            "remove keepalived there, or write keepalived",
            tuple(both),
        )
    busy = [node.host for node in topology.control_planes if "load_balancers" in node.groups]
    if busy:
        yield Problem(
            "group load_balancers",
            "servers have the ports %d and %d themselves, which their load balancer would want" % (API_PORT, SUPERVISOR_PORT),
            "take them out of load_balancers: keepalived alone, or kube-vip, moves an address between servers",
            tuple(busy),
        )


def _passed_on(topology: Topology) -> Iterator[Problem]:
    """Load balancers and directors have to pass both of RKE2's ports on, as they are."""
    balancers = topology.group("load_balancers")
    if balancers and topology.settings.load_balancer_port != API_PORT:
        yield Problem(
            "cluster_load_balancer_port",
            "the endpoint has RKE2's port %d, and the load balancers are to listen on %d"
            % (API_PORT, topology.settings.load_balancer_port),
            "write %d" % API_PORT,
        )
    ports = [str(SUPERVISOR_PORT), str(API_PORT)]
    for node in balancers:
        if ports[0] not in [text(port) for port in entries(node.setting("load_balancer_additional_ports"))]:
            yield Problem(
                "load_balancer_additional_ports",
                "nodes join at port %s, and it is not passed on" % ports[0],
                "write [%s]" % ports[0],
                (node.host,),
            )
    for node in topology.directors:
        passed = [text(mapping(service).get("port")) for service in entries(node.setting("lvs_services"))]
        if set(ports) - set(passed):
            yield Problem(
                "lvs_services",
                "the directors have to pass on the ports %s" % listed(sorted(ports)),
                "write [{port: %d, check: readyz}, {port: %d, check: tcp}]" % (API_PORT, SUPERVISOR_PORT),
                (node.host,),
            )


def _names(topology: Topology) -> Iterator[Problem]:
    """RKE2 keeps a password for each node's name: a name that changes is a second node, and the first one stays for ever."""
    for node in topology.cluster_nodes:
        kept = text(seen(node).get("node_name"))
        if kept and kept != node.name and is_member(node):
            yield Problem(
                "node_name",
                "the node is %s in its cluster, and %s would join as another one beside it" % (kept, node.name),
                "write node_name: %s, or remove the node first" % kept,
                (node.host,),
            )


def _states(topology: Topology) -> Iterator[Problem]:
    servers = topology.control_planes
    nobody = not any(is_member(node) for node in servers)
    left = [node.host for node in topology.workers if is_member(node)]
    if nobody and left and topology.playbook in (BUILD, UPGRADE):
        yield Problem(
            "hosts %s" % listed(left),
            "they are agents of a cluster, and no server here has its data: a new cluster would not be theirs",
            "bring the servers back (playbook restore), or clear the agents with rke2-uninstall.sh",
            tuple(left),
        )
    for node in topology.cluster_nodes:
        wanted = "server" if "control_plane" in node.groups else "agent"
        running = [text(role) for role in entries(seen(node).get("roles"))]
        if any(role != wanted for role in running):
            yield Problem(
                "host %s" % node.host,
                "it runs rke2-%s, and is to be %s" % (running[0], wanted),
                "put it into the other group, or clear it with rke2-uninstall.sh",
                (node.host,),
            )
        if node.state not in ("blank", "unknown"):
            yield Problem(
                "host %s" % node.host,
                "kubeadm has been at work here (%s)" % node.state,
                "clear it with playbook reset of its own cluster first",
                (node.host,),
            )
    yield from _ports(topology)


def _ports(topology: Topology) -> Iterator[Problem]:
    taken: Dict[int, List[str]] = {}
    for node in topology.cluster_nodes:
        if entries(seen(node).get("roles")) or is_member(node):
            continue
        for port in SERVER_PORTS if "control_plane" in node.groups else AGENT_PORTS:
            if port in entries(node.facts.get("listening")):
                taken.setdefault(port, []).append(node.host)
    for port, hosts in taken.items():
        yield Problem(
            "port %d" % port,
            "somebody listens there already, and RKE2 needs it",
            "see `ss -ltnp sport = :%d` on the hosts, and stop or move it" % port,
            tuple(hosts),
        )


def _versions(topology: Topology) -> Iterator[Problem]:
    if topology.release is None or topology.playbook not in (BUILD, UPGRADE):
        return
    found = grouped((text(seen(node).get("version")), node.host) for node in topology.cluster_nodes if is_member(node))
    found.pop("", None)
    revisions = [node.number_setting("rke2_revision") for node in topology.cluster_nodes]
    revision = next((int(one) for one in revisions if one is not None), 1)
    wanted = release_name(topology.settings.kubernetes_version, revision)
    for version, hosts in found.items():
        yield from _step(topology, version, wanted, tuple(hosts))


def _step(topology: Topology, version: str, wanted: str, hosts: Tuple[str, ...]) -> Iterator[Problem]:
    goal = topology.release.version if topology.release else None
    try:
        now = Version.parse(version.partition("+")[0])
    except VersionError:
        return
    if goal is None or version == wanted:
        return
    if goal < now:
        yield Problem(
            "cluster_kubernetes_version",
            "%s is older than what runs (%s), and etcd's data can't go back" % (wanted, version),
            "write %s, or restore a snapshot of before" % now.text,
            hosts,
        )
    elif goal.minor > now.minor + 1:
        yield Problem(
            "cluster_kubernetes_version",
            "from %s to %s is more than one minor" % (version, wanted),
            "take 1.%d first" % (now.minor + 1),
            hosts,
        )
    elif topology.playbook == BUILD:
        yield Problem(
            "cluster_kubernetes_version",
            "%s runs, and %s is wanted" % (version, wanted),
            "upgrade with the playbook baremetal.kubernetes.rke2_upgrade, or write %s" % now.text,
            hosts,
        )


def _restore(topology: Topology) -> Iterator[Problem]:
    named = {text(node.setting("rke2_restore_host")) for node in topology.control_planes} - {""}
    strangers = sorted(named - {node.host for node in topology.control_planes})
    if strangers or len(named) > 1:
        yield Problem(
            "rke2_restore_host",
            "%s is no one server of this inventory" % listed(sorted(named)),
            "name the server that has the snapshot",
        )
    if first_server(topology) is not None and not any(seen(node).get("version") for node in topology.control_planes):
        yield Problem(
            "group control_plane",
            "no server has RKE2, so there is nothing to restore into",
            "build it with the playbook baremetal.kubernetes.rke2_ha and the old rke2_token, then restore",
        )


def _remove(topology: Topology) -> Iterator[Problem]:
    gone, servers = leaving(topology), topology.control_planes
    if not gone:
        yield Problem(
            "rke2_leaving",
            "it names no node",
            'write the names of those that shall be gone, as -e \'{"rke2_leaving": ["agent1"]}\'',
        )
    confirmed = {text(node.setting("rke2_remove_confirm")) for node in servers}
    if confirmed != {topology.settings.name}:
        yield Problem(
            "rke2_remove_confirm",
            "nodes are emptied and taken back to blank, and nobody has named the cluster",
            "write -e rke2_remove_confirm=%s" % topology.settings.name,
        )
    left, needed = len(staying(topology)), quorum(len(servers))
    if left < needed:
        yield Problem(
            "rke2_leaving",
            "%d servers would stay that are ready, and etcd needs %d of the %d" % (left, needed, len(servers)),
            "take fewer at once, or bring servers back first",
        )


def is_rke2(topology: Topology) -> bool:
    return topology.settings.distribution == DISTRIBUTION
