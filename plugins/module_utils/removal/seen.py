# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API, etcd and kubeadm's own notes know of nodes that shall leave. Nothing is asked of the nodes themselves."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import Member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import KUBEADM_CLIENTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_reader import YamlError, load
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.drain import Pod, parse_pod
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import parse_address, split_endpoint

#: CA, certificate and key by which a control plane's tools talk to the member of etcd beside them.
ETCD_FILES = KUBEADM_CLIENTS[0]
ETCD_HERE = "https://127.0.0.1:2379"
#: A member of a machine without power does not refuse: it is silent.
ETCD_SECONDS = 3.0
#: kubeadm's labels for control planes: up to 1.23, and from 1.20 on.
CONTROL_PLANE_LABELS = ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")

Connect = Callable[[str, str, str, str, float], EtcdClient]


class NodeSeen(NamedTuple):
    """A node object."""

    name: str
    ready: bool
    control_plane: bool
    addresses: Tuple[str, ...]


class Etcd(NamedTuple):
    """Members as the one on this host knows them, and the ids of those that are healthy; ``error`` where it does not answer."""

    members: Sequence[Member] = ()
    healthy: Set[int] = frozenset()  # type: ignore[assignment]
    error: str = ""


class Seen(NamedTuple):
    """All of it, of one moment. ``pods`` are those that a drain moves, ``bound`` all that are bound to the name, by node name.

    ``status`` is kubeadm's ClusterStatus (API v1beta2, Kubernetes up to 1.21): name -> address; None where there is none.
    """

    nodes: Mapping[str, NodeSeen]
    pods: Mapping[str, Sequence[Pod]]
    bound: Mapping[str, int]
    volumes: Mapping[str, Sequence[str]]
    leases: Set[str]
    status: Optional[Mapping[str, str]]
    #: None where etcd is external: no node has a member then.
    etcd: Optional[Etcd]


def read(kubectl: Kubectl, names: Sequence[str], stacked: bool, connect: Connect = EtcdClient) -> Seen:
    """What there is to know for these names.

    :raises KubernetesError: the API does not answer.
    """
    nodes = {node.name: node for node in map(parse_node, kubectl.objects("nodes"))}
    pods: Dict[str, List[Pod]] = {}
    bound: Dict[str, int] = {}
    for name in names:
        items = kubectl.objects("pods", "--all-namespaces", "--field-selector=spec.nodeName=" + name)
        bound[name] = len(items)
        pods[name] = [pod for pod in map(parse_pod, items) if pod is not None]
    volumes = local_volumes(kubectl.objects("persistentvolumes"), names)
    leases = {
        str(item["metadata"]["name"]) for item in kubectl.objects("leases.coordination.k8s.io", "--namespace=kube-node-lease")
    }
    return Seen(nodes, pods, bound, volumes, leases, read_status(kubectl)[0], read_etcd(connect) if stacked else None)


def parse_node(item: Mapping[str, Any]) -> NodeSeen:
    """A node object in short."""
    metadata, status = item["metadata"], item.get("status") or {}
    conditions = {str(one.get("type")): str(one.get("status")) for one in status.get("conditions") or []}
    labels = metadata.get("labels") or {}
    return NodeSeen(
        str(metadata["name"]),
        conditions.get("Ready") == "True",
        any(label in labels for label in CONTROL_PLANE_LABELS),
        tuple(str(one["address"]) for one in status.get("addresses") or [] if one.get("type") == "InternalIP"),
    )


def local_volumes(volumes: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Dict[str, List[str]]:
    """By node, the bound volumes whose data are on this node's disks and nowhere else."""
    found: Dict[str, List[str]] = {name: [] for name in names}
    for volume in volumes:
        claim = (volume.get("spec") or {}).get("claimRef")
        if not claim or (volume.get("status") or {}).get("phase") not in ("Bound", "Released"):
            continue
        hosts = _only_on(volume)
        text = "volume %s (claim %s/%s)" % (volume["metadata"]["name"], claim.get("namespace"), claim.get("name"))
        for name in names:
            if hosts == [name]:
                found[name].append(text)
    return found


def _only_on(volume: Mapping[str, Any]) -> List[str]:
    """The nodes that a volume's affinity ties it to by name; empty where it does not."""
    required = ((volume["spec"].get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or []
    hosts = set()
    for term in required:
        expressions = (term.get("matchExpressions") or []) + (term.get("matchFields") or [])
        named = [one for one in expressions if one.get("operator") == "In" and one.get("key") in HOST_KEYS]
        if not named:
            return []
        hosts |= {str(value) for one in named for value in one.get("values") or []}
    return sorted(hosts)


#: By what local-path, OpenEBS, TopoLVM and hand-written local volumes name a node.
HOST_KEYS = (
    "kubernetes.io/hostname",
    "metadata.name",
    "openebs.io/nodeid",
    "openebs.io/nodename",
    "topology.topolvm.io/node",
)


def read_status(kubectl: Kubectl) -> Tuple[Optional[Dict[str, str]], str, str]:
    """kubeadm's ClusterStatus as name -> address (None where there is none), its text, and the ConfigMap's resourceVersion.

    :raises KubernetesError: the API does not answer.
    """
    found = kubectl.objects("configmaps", "--namespace=kube-system", "--field-selector=metadata.name=kubeadm-config")
    text = str((found[0].get("data") or {}).get("ClusterStatus") or "") if found else ""
    version = str(found[0]["metadata"].get("resourceVersion", "")) if found else ""
    if not text.strip():
        return None, "", version
    try:
        endpoints = load(text).get("apiEndpoints") or {}
        return {str(name): str((entry or {}).get("advertiseAddress", "")) for name, entry in endpoints.items()}, text, version
    except (YamlError, AttributeError):
        return None, text, version


def read_etcd(connect: Connect = EtcdClient) -> Etcd:
    """The members, and every started one's own word on its health."""
    try:
        members = connect(ETCD_HERE, *ETCD_FILES, ETCD_SECONDS).member_list()
    except EtcdError as error:
        return Etcd(error=error.cause)
    healthy = set()
    for member in members:
        for url in member.client_urls[:1]:
            try:
                if connect(url, *ETCD_FILES, ETCD_SECONDS).health().healthy:
                    healthy.add(member.id)
            except EtcdError:
                pass
    return Etcd(members, healthy)


def peer_addresses(member: Member) -> List[str]:
    """The addresses of a member's peer URLs, in the form in which addresses are compared."""
    return [_plain(split_endpoint(url.partition("://")[2])[0]) for url in member.peer_urls]


def _plain(address: str) -> str:
    parsed = parse_address(address)
    return str(parsed) if parsed is not None else address


def members_of(seen: Seen, name: str, address: str) -> List[Member]:
    """A node's entries in etcd: by name; and, as a member that never started has none, by the addresses that it is known by."""
    if seen.etcd is None:
        return []
    node = seen.nodes.get(name)
    addresses = {_plain(one) for one in ((node.addresses if node else ()) + ((address,) if address else ()))}
    noted = (seen.status or {}).get(name, "")
    addresses |= {_plain(noted)} if noted else set()
    return [
        member
        for member in seen.etcd.members
        if member.name == name or (not member.started and addresses & set(peer_addresses(member)))
    ]
