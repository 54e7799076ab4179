# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory as the checks see it: nodes with what was read off them, and the cluster's settings. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import Release, VersionError, release
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import (
    Address,
    Network,
    NetworkError,
    contains,
    network_of,
    parse_address,
    parse_networks,
    split_endpoint,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.forms import conform
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, of_hosts, phrase
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.settings import Settings, normalise
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import truth, whole_number

GROUPS = ("control_plane", "workers", "etcd", "load_balancers", "directors")
NODE_VARIABLES = ("node_address", "node_name", "physical_host")

RKE2_VERSION = re.compile(r"v?([0-9.]+)\+rke2r([0-9]+)\Z")

#: States of kubeadm on a node in which kubeadm has finished there.
MEMBER_STATES = ("control_plane", "worker")


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one: facts of an older or broken host must not end the check."""
    return value if isinstance(value, Mapping) else {}


def entries(value: Any) -> List[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def text(value: Any) -> str:
    return (
        value.strip()
        if isinstance(value, str)
        else str(value)
        if isinstance(value, int) and not isinstance(value, bool)
        else ""
    )


def number(value: Any) -> Optional[float]:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


class InterfaceAddress(NamedTuple):
    interface: str
    address: Address
    network: Network


@dataclass
class Node:
    """One host of the inventory. ``facts`` is empty where the host could not be read, and ``why_not`` says why."""

    host: str
    groups: Tuple[str, ...]
    variables: Mapping[str, Any]
    facts: Mapping[str, Any]
    why_not: str
    name: str
    address: Optional[Address]
    address_text: str
    machine: str
    addresses: List[InterfaceAddress]
    #: Settings that only the role which reads them can know, such as those that come from a lookup.
    later: Tuple[str, ...] = ()

    @property
    def readable(self) -> bool:
        return not self.why_not

    @property
    def in_cluster(self) -> bool:
        """Whether a kubelet of the cluster runs there (etcd hosts and load balancers are no Kubernetes nodes)."""
        return "control_plane" in self.groups or "workers" in self.groups

    @property
    def kubeadm(self) -> Mapping[str, Any]:
        return mapping(self.facts.get("kubeadm"))

    @property
    def state(self) -> str:
        return text(self.kubeadm.get("state")) or "unknown"

    @property
    def started(self) -> Mapping[str, Any]:
        """The operation that was begun and not finished; empty where there is none."""
        return mapping(self.kubeadm.get("started"))

    @property
    def cluster_id(self) -> str:
        return text(mapping(self.facts.get("cluster")).get("id"))

    @property
    def cluster_ids(self) -> List[str]:
        """All that its cluster is known by: two while the CA is rotated, the one that signs first."""
        known = mapping(self.facts.get("cluster")).get("ids")
        return [text(one) for one in known] if isinstance(known, list) else [self.cluster_id] if self.cluster_id else []

    @property
    def interface(self) -> str:
        """The interface that has the node's address."""
        for held in self.addresses:
            if held.address == self.address:
                return held.interface
        return text(self.facts.get("default_interface")) if not self.variables.get("node_address") else ""

    @property
    def network(self) -> Optional[Network]:
        """The network around the node's address."""
        for held in self.addresses:
            if held.address == self.address:
                return held.network
        return None

    def networks_on(self, interface: str) -> List[Network]:
        return [held.network for held in self.addresses if held.interface == interface]

    def package(self, name: str) -> str:
        """The installed version of a program, without a package revision (1.36.3-1.1 is 1.36.3); empty where it is missing."""
        version = text(mapping(self.facts.get("packages")).get(name)).lstrip("v")
        return version.split("-")[0].split("+")[0].split("~")[0].split(":")[-1]

    def setting(self, name: str) -> Any:
        return self.variables.get(name)

    def awaits(self, name: str) -> bool:
        """Whether a setting has a value that is not known yet."""
        return name in self.later

    def says(self, name: str) -> bool:
        """Whether a setting is true, in any of the ways that YAML, INI inventories and the command line have."""
        return truth(self.setting(name)) is True

    def number_setting(self, name: str) -> Optional[float]:
        """A setting that is a number; on the command line (-e name=7) it is text."""
        value = self.setting(name)
        whole = whole_number(value)
        return number(value) if whole is None else whole


def read_node(host: str, data: Mapping[str, Any]) -> Node:
    """A node from one entry of ``hosts``: groups, vars, facts, unreachable, failed, msg."""
    variables = mapping(data.get("vars"))
    facts = mapping(data.get("facts"))
    why_not = ""
    message = text(data.get("msg"))
    if data.get("unreachable"):
        why_not = "it can't be reached: %s" % (message or "no reason was given")
    elif data.get("failed"):
        why_not = "reading its state failed: %s" % (message or "no reason was given")
    elif not facts:
        why_not = "its state was not read in this run"
    addresses = [] if why_not else _addresses(facts)
    address_text = text(variables.get("node_address")) or ("" if why_not else text(facts.get("default_address")))
    return Node(
        host=host,
        groups=tuple(group for group in entries(data.get("groups")) if group in GROUPS),
        variables=variables,
        facts={} if why_not else facts,
        why_not=why_not,
        name=(text(variables.get("node_name")) or host.lower()),
        address=parse_address(address_text),
        address_text=address_text,
        machine=text(variables.get("physical_host")) or host,
        addresses=addresses,
        later=tuple(text(name) for name in entries(data.get("later"))),
    )


def _addresses(facts: Mapping[str, Any]) -> List[InterfaceAddress]:
    found = []
    for entry in entries(facts.get("addresses")):
        entry = mapping(entry)
        address = parse_address(text(entry.get("address")))
        prefix = entry.get("prefix")
        network = network_of(text(entry.get("address")), prefix) if address is not None and isinstance(prefix, int) else None
        if address is not None and network is not None:
            found.append(InterfaceAddress(text(entry.get("interface")), address, network))
    return found


@dataclass
class Topology:
    """All that the checks and the plan look at."""

    settings: Settings
    nodes: Dict[str, Node]
    playbook: str = ""
    #: Name -> addresses, for a cluster_endpoint that is a name; None where it was not looked up.
    resolved: Mapping[str, Any] = field(default_factory=dict)
    #: Path on the controller -> its text, for those that settings name; empty where there is no readable file.
    files: Mapping[str, Any] = field(default_factory=dict)
    #: The bundle for hosts without internet: path, manifest, sizes, needs (or problem); empty where there is none.
    offline: Mapping[str, Any] = field(default_factory=dict)
    pod_subnets: List[Network] = field(default_factory=list)
    service_subnets: List[Network] = field(default_factory=list)
    release: Optional[Release] = None
    vip: Optional[Address] = None
    endpoint_host: str = ""
    endpoint_port: Optional[str] = None
    #: The names of playbooks that begin with a plan.
    playbooks: List[str] = field(default_factory=list)
    #: The inventory's groups that are none of ours -> their hosts.
    other_groups: Mapping[str, List[str]] = field(default_factory=dict)
    #: Whether a person has said that two members of etcd are wanted for a while.
    two_members: bool = False
    #: Names of nodes that a person wants gone, who of them leaves (module leaving), and their hosts, which are not in ``nodes``.
    named: List[str] = field(default_factory=list)
    leaving: List[Any] = field(default_factory=list)
    left_out: Dict[str, Node] = field(default_factory=dict)

    def group(self, name: str) -> List[Node]:
        return [node for node in self.nodes.values() if name in node.groups]

    @property
    def control_planes(self) -> List[Node]:
        return self.group("control_plane")

    @property
    def workers(self) -> List[Node]:
        return self.group("workers")

    @property
    def cluster_nodes(self) -> List[Node]:
        return [node for node in self.nodes.values() if node.in_cluster]

    @property
    def readable_nodes(self) -> List[Node]:
        return [node for node in self.nodes.values() if node.readable]

    @property
    def etcd_members(self) -> List[Node]:
        return self.group("etcd") if self.settings.etcd_mode == "external" else self.control_planes

    @property
    def backup_hosts(self) -> List[Node]:
        """Where something of the cluster is that a backup has to hold: members of etcd, and control planes with their keys."""
        members = [node for node in self.group("etcd") if self.settings.etcd_mode == "external"]
        return members + [node for node in self.control_planes if node.state == "control_plane"]

    @property
    def directors(self) -> List[Node]:
        return self.group("directors")

    @property
    def balancers(self) -> List[Node]:
        """Where HAProxy or nginx stands before the API servers: on hosts of its own, else on the control planes."""
        return self.group("load_balancers") or self.control_planes

    @property
    def real_servers(self) -> List[Node]:
        """The load balancers that directors pass connections on to."""
        return self.balancers if self.directors else []

    @property
    def vip_nodes(self) -> List[Node]:
        """The hosts that the VIP moves between: the directors, else the load balancers."""
        return self.directors or self.balancers

    @property
    def kube_vip(self) -> bool:
        """Whether kube-vip is what holds the VIP."""
        return self.vip is not None and self.settings.vip_provider == "kube_vip"

    def runs_kube_vip(self, node: Node) -> bool:
        """Whether kube-vip may run there: its static pod is there, or a DaemonSet is wanted, which the node knows nothing of."""
        pods = [text(mapping(pod).get("name")) for pod in entries(node.facts.get("static_pods"))]
        wanted = self.kube_vip and text(node.setting("kube_vip_run_as")) == "daemon_set" and node.state != "blank"
        return "kube-vip" in pods or wanted

    @property
    def balanced(self) -> bool:
        """Whether something has to stand before the API servers: not before a single one, nor where the VIP leads to them."""
        if self.group("load_balancers"):
            return True
        direct = self.kube_vip and (self.endpoint_port or str(self.settings.api_port)) == str(self.settings.api_port)
        return not direct and (len(self.control_planes) > 1 or self.vip is not None)

    @property
    def lvs_mode(self) -> str:
        """How directors reach real servers; what they disagree on is refused elsewhere."""
        said = [text(node.setting("lvs_mode")) for node in self.directors]
        return next((mode for mode in said if mode), "dr")

    def vip_interface(self, node: Node) -> str:
        """The one cluster setting that a host may have a value of its own for, because interfaces' names differ."""
        return text(node.setting("cluster_vip_interface")) or self.settings.vip_interface or node.interface

    def holds_vip(self, node: Node) -> bool:
        """Whether keepalived or kube-vip holds the VIP on this host now, or a real server has it on its loopback: our own doing."""
        if self.vip is None or node.address == self.vip:
            return False
        on = [held.interface for held in node.addresses if held.address == self.vip]
        # Of many hosts few have it, and the groups are looked through for each question.
        if not on:
            return False
        if on == ["lo"] and node in self.real_servers:
            return True
        return bool(node.package("keepalived") or self.runs_kube_vip(node)) and node in self.vip_nodes


def read_topology(data: Mapping[str, Any]) -> Tuple[Topology, List[Problem]]:
    """The topology from plain data (settings, hosts, playbook, resolved), and what is wrong with the form of its settings."""
    settings, problems = normalise(mapping(data.get("settings")))
    nodes = {str(host): read_node(str(host), mapping(entry)) for host, entry in mapping(data.get("hosts")).items()}
    topology = Topology(settings, nodes, text(data.get("playbook")), mapping(data.get("resolved")), mapping(data.get("files")))
    topology.offline = mapping(data.get("offline"))
    topology.other_groups = {
        str(name): [str(host) for host in entries(hosts)]
        for name, hosts in mapping(data.get("groups")).items()
        # Preflight makes those that begin with plan_ itself.
        if name not in GROUPS and name != "all" and not str(name).startswith("plan_")
    }
    topology.pod_subnets, pod_problems = _networks("cluster_pod_subnet", settings.pod_subnet)
    topology.service_subnets, service_problems = _networks("cluster_service_subnet", settings.service_subnet)
    problems += pod_problems + service_problems
    problems += of_hosts((fault, node.host) for node in nodes.values() for fault in _own_variables(node))
    topology.vip = parse_address(settings.vip)
    topology.endpoint_host, topology.endpoint_port = split_endpoint(settings.endpoint)
    if settings.kubernetes_version:
        problems += _version(topology)
    elif not any(problem.setting == "cluster_kubernetes_version" for problem in problems):
        problems.append(
            Problem(
                "cluster_kubernetes_version",
                "it is not set, and no default would stay right",
                'write a whole version in quotes, like "1.36.3"',
            )
        )
    return topology, problems


def _version(topology: Topology) -> Iterator[Problem]:
    """Sets the release, and says what is wrong with the version's spelling: packages and files are called by its numbers alone."""
    written = topology.settings.kubernetes_version
    rke2 = RKE2_VERSION.match(written)
    try:
        topology.release = release(rke2.group(1) if rke2 else written)
    except VersionError as error:
        yield Problem("cluster_kubernetes_version", error.problem.rstrip("."), phrase(error.remedy))
        return
    version = topology.release.version.text
    if rke2:
        yield Problem(
            "cluster_kubernetes_version",
            "%s is a release of RKE2, whose revision has a setting of its own" % written,
            'write "%s", and rke2_revision: %s' % (version, rke2.group(2)),
        )
    elif written != version:
        yield Problem("cluster_kubernetes_version", "packages have it without the v of %s" % written, 'write "%s"' % version)


def _own_variables(node: Node) -> Iterator[Tuple[str, str, str]]:
    """Faults of what is each host's own."""
    for name in NODE_VARIABLES:
        if name in node.variables:
            yield from conform(name, node.variables[name], {"type": "str"})[1]


def _networks(setting: str, value: str) -> Tuple[List[Network], List[Problem]]:
    if not value:
        return [], [Problem(setting, "it is empty", "write a private network, like 10.244.0.0/16")]
    try:
        return parse_networks(value), []
    except NetworkError as error:
        return [], [Problem(setting, "%s %s" % (error.text, error.problem), error.remedy)]


def holders(nodes: Iterable[Node], address: Address) -> List[Node]:
    """The nodes that have the address on an interface, or are said to have it."""
    return [node for node in nodes if node.address == address or any(held.address == address for held in node.addresses)]


def within(networks: Iterable[Network], address: Address) -> Optional[Network]:
    """The first of the networks that the address lies in."""
    for network in networks:
        if contains(network, address):
            return network
    return None
