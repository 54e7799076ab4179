# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kubeadm left on the nodes: foreign remains, nodes of another cluster, nodes in another part than the inventory's."""

from __future__ import annotations

from typing import Dict, Iterator, List, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.others import REMOVERS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import (
    MEMBER_STATES,
    Topology,
    entries,
    mapping,
    text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, listed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.restoring import OPERATION, PLAYBOOKS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.rke2 import DISTRIBUTION, is_member

RESET = (
    "if nothing there is needed: ansible-playbook baremetal.kubernetes.reset --limit %s -e reset_confirm=%s, then run again"
)


def check(topology: Topology) -> Iterator[Problem]:
    yield from _foreign(topology)
    yield from check_others(topology)
    yield from _cut_off(topology)
    yield from _named_otherwise(topology)
    yield from _clusters(topology)
    yield from _elsewhere(topology)
    yield from _parts(topology)
    yield from _started(topology)
    yield from _rotated(topology)


def _reset(topology: Topology, hosts: List[str]) -> str:
    return RESET % (",".join(hosts[:5]), topology.settings.name)


def _foreign(topology: Topology) -> Iterator[Problem]:
    for node in topology.cluster_nodes:
        if node.state == "foreign":
            yield Problem(
                "Kubernetes on %s" % node.host,
                "the host holds remains that this collection did not leave: %s"
                % (text(node.kubeadm.get("why")) or "files under /etc/kubernetes"),
                _reset(topology, [node.host]),
                (node.host,),
            )


def check_others(topology: Topology) -> Iterator[Problem]:
    """Kubernetes of another distribution: two of them fight for ports, iptables and the pods' network."""
    for node in topology.cluster_nodes:
        member = is_member(node) if topology.settings.distribution == DISTRIBUTION else node.state in MEMBER_STATES
        for name, places in mapping(node.facts.get("other_kubernetes")).items():
            if name == topology.settings.distribution:
                continue
            yield Problem(
                "Kubernetes on %s" % node.host,
                "the host holds %s, which is a Kubernetes of its own: %s" % (name, ", ".join(map(text, entries(places)))),
                "if nothing there is needed, take it away by its own means (%s) and run again; "
                "else take the host out of this inventory"
                % REMOVERS.get(name, "see its documentation"),
                (node.host,),
                # Where both live already, nothing is made worse.
                warning=member,
            )


def _cut_off(topology: Topology) -> Iterator[Problem]:
    """Without kubeadm's configuration a cluster takes no further node; an init of ours that was cut off has its marker."""
    # Where etcd has lost its data that is missing, too, and a restore brings it back.
    for node in topology.control_planes if topology.playbook not in PLAYBOOKS else ():
        apiserver = mapping(node.facts.get("apiserver"))
        if node.state == "control_plane" and apiserver.get("ready") is True and apiserver.get("initialised") is False:
            yield Problem(
                "Kubernetes on %s" % node.host,
                "an API server runs there, and kubeadm's configuration is not in its cluster (ConfigMap kubeadm-config): "
                "a kubeadm init that this collection did not begin was cut off, or somebody deleted it",
                "if that cluster is in use, bring the ConfigMap back (`kubeadm init phase upload-config kubeadm --config FILE`); "
                + _reset(topology, [node.host]),
                (node.host,),
            )


def _named_otherwise(topology: Topology) -> Iterator[Problem]:
    """A whole cluster that somebody else made looks like ours but for its name, which kubeadm writes into every kubeconfig."""
    named: Dict[str, List[str]] = {}
    for node in topology.control_planes:
        name = text(mapping(node.facts.get("cluster")).get("name"))
        if node.state == "control_plane" and name and name != topology.settings.name:
            named.setdefault(name, []).append(node.host)
    for name, hosts in named.items():
        endpoint = text(mapping(topology.nodes[hosts[0]].facts.get("cluster")).get("endpoint"))
        yield Problem(
            "cluster_name",
            "%s %s of the cluster %r%s (/etc/kubernetes/controller-manager.conf), and this is %r"
            % (
                listed(hosts),
                "is a control plane" if len(hosts) == 1 else "are control planes",
                name,
                " at %s" % endpoint if endpoint else "",
                topology.settings.name,
            ),
            "write cluster_name: %s if that cluster is meant; if not, take %s out of this inventory; or, %s"
            % (name, "it" if len(hosts) == 1 else "them", _reset(topology, hosts)),
            tuple(hosts),
        )


def _elsewhere(topology: Topology) -> Iterator[Problem]:
    """Workers that have joined, where no control plane of the inventory is in a cluster: not of the one that would be begun."""
    planes = topology.control_planes
    if topology.playbook in PLAYBOOKS or not planes or any(not node.readable or node.state in MEMBER_STATES for node in planes):
        return
    known = {one for node in planes for one in node.cluster_ids}
    joined = [node for node in topology.workers if node.state in MEMBER_STATES and not known & set(node.cluster_ids)]
    if not joined:
        return
    hosts = [node.host for node in joined]
    endpoints = sorted({text(mapping(node.facts.get("cluster")).get("endpoint")) for node in joined} - {""})
    yield Problem(
        "cluster of %s" % listed(hosts),
        "%s joined one%s, and no control plane of this inventory is in any: the cluster that would be begun is another one"
        % ("it has" if len(hosts) == 1 else "they have", " at %s" % listed(endpoints) if endpoints else ""),
        "take %s out of this inventory; or, %s" % ("it" if len(hosts) == 1 else "them", _reset(topology, hosts)),
        tuple(hosts),
    )


def _clusters(topology: Topology) -> Iterator[Problem]:
    """One CA hash per cluster. The control planes decide which cluster is the inventory's; else the larger side."""
    clusters = _by_authority(topology)
    if len(clusters) < 2:
        return

    def weight(hosts: List[str]) -> "tuple[int, int]":
        return (sum("control_plane" in topology.nodes[host].groups for host in hosts), len(hosts))

    ordered = sorted(clusters, key=weight, reverse=True)
    ours = ordered[0]
    for hosts in ordered[1:]:
        yield Problem(
            "cluster of %s" % listed(hosts),
            "%s to another cluster than %s: the CA's hash differs (%s and %s)"
            % (
                "it belongs" if len(hosts) == 1 else "they belong",
                listed(ours),
                topology.nodes[hosts[0]].cluster_id[:19],
                topology.nodes[ours[0]].cluster_id[:19],
            ),
            "take %s out of this inventory; or, %s" % ("it" if len(hosts) == 1 else "them", _reset(topology, hosts)),
            tuple(hosts),
        )


def _by_authority(topology: Topology) -> List[List[str]]:
    """The hosts of each cluster: those that trust a CA in common, since there are two of them while one takes the other's place."""
    clusters: List[Tuple[Set[str], List[str]]] = []
    for node in topology.cluster_nodes:
        known, hosts = set(node.cluster_ids), [node.host]
        if not known:
            continue
        for one in [one for one in clusters if one[0] & known]:
            clusters.remove(one)
            known, hosts = known | one[0], one[1] + hosts
        clusters.append((known, hosts))
    order = [node.host for node in topology.cluster_nodes]
    return [sorted(hosts, key=order.index) for _known, hosts in clusters]


def _parts(topology: Topology) -> Iterator[Problem]:
    for node in topology.cluster_nodes:
        if "workers" in node.groups and "control_plane" not in node.groups and node.state == "control_plane":
            yield Problem(
                "group workers",
                "%s runs a control plane (and a member of etcd), but the inventory calls it a worker" % node.host,
                "put it in group control_plane; to make it a worker, drain and remove it from the cluster first, then reset it",
                (node.host,),
            )
        elif "control_plane" in node.groups and "workers" not in node.groups and node.state == "worker":
            yield Problem(
                "group control_plane",
                "%s has joined as a worker, and kubeadm can't turn a worker into a control plane" % node.host,
                "put it in group workers; or, %s" % _reset(topology, [node.host]),
                (node.host,),
            )


def _started(topology: Topology) -> Iterator[Problem]:
    wanted = topology.settings.name
    initialising: List[str] = []
    established = [node.host for node in topology.control_planes if node.state == "control_plane"]
    for node in topology.cluster_nodes:
        if node.state != "started":
            continue
        cluster = text(node.started.get("cluster"))
        if cluster and cluster != wanted:
            yield Problem(
                "cluster_name",
                "on %s an operation for the cluster %r was begun and not finished, and this is %r"
                % (node.host, cluster, wanted),
                "write cluster_name: %s to finish it; or, %s" % (cluster, _reset(topology, [node.host])),
                (node.host,),
            )
        if text(node.started.get("operation")) == OPERATION and topology.playbook not in PLAYBOOKS:
            yield Problem(
                "restore",
                "it was begun on %s and not finished" % node.host,
                "run the playbook restore again: it goes on where it stopped",
                (node.host,),
            )
        if text(node.started.get("operation")) == "init":
            initialising.append(node.host)
            if "control_plane" not in node.groups:
                yield Problem(
                    "group control_plane",
                    "kubeadm init was begun on %s, which the inventory does not call a control plane" % node.host,
                    "put it in group control_plane; or, %s" % _reset(topology, [node.host]),
                    (node.host,),
                )
    if len(initialising) > 1:
        yield Problem(
            "kubeadm init",
            "it was begun on %s, which would make as many clusters" % listed(initialising),
            "keep one of them; %s" % _reset(topology, initialising[1:]),
            tuple(initialising),
        )
    elif initialising and established:
        yield Problem(
            "kubeadm init",
            "it was begun on %s, but %s in a cluster already"
            % (listed(initialising), listed(established) + (" is" if len(established) == 1 else " are")),
            _reset(topology, initialising),
            tuple(initialising),
        )


def _rotated(topology: Topology) -> Iterator[Problem]:
    """Who comes while the CAs are replaced would miss a part of it; kubeadm upgrade would write manifests without it."""
    for node in topology.control_planes if topology.playbook in ("join", "replace", "upgrade") else ():
        replaced = text(mapping(mapping(node.facts.get("cluster")).get("rotation")).get("replaced"))
        if replaced:
            yield Problem(
                "certificates_rotate_ca",
                "the rotation of the CA %s has not ended on %s" % (replaced, node.host),
                "end it first: playbook certificates with -e certificates_rotate_ca=%s" % replaced,
                (node.host,),
            )
            return
