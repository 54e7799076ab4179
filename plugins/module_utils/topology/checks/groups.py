# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts play which part, whether they could be read, and whether they agree on the cluster's settings."""

from __future__ import annotations

from typing import Dict, Iterator, List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import GROUPS, Topology
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem, counted, grouped, listed
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.restoring import PLAYBOOKS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.settings import KINDS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.spelling import meant_group

#: https://kubernetes.io/docs/setup/best-practices/cluster-large/
MOST_NODES = 5000
#: A control plane may name its interface differently from the others.
PER_HOST = ("cluster_vip_interface",)


def check(topology: Topology) -> Iterator[Problem]:
    control_planes = [node.host for node in topology.control_planes]
    if not control_planes:
        yield _without_control_plane(topology)
    yield from _strangers(topology)
    yield from _nobody_for_pods(topology)
    both = [node.host for node in topology.control_planes if "workers" in node.groups]
    if both:
        yield Problem(
            "group workers",
            "%s in control_plane and in workers, and a node joins as one of both"
            % ("a host is" if len(both) == 1 else "hosts are"),
            "take them out of workers; to let control planes run pods of users set cluster_control_plane_schedulable: true",
            tuple(both),
        )
    yield from _etcd(topology)
    yield from _shape(topology, control_planes)
    yield from _size(topology)
    yield from _unreadable(topology)
    yield from _disagreement(topology)


def _without_control_plane(topology: Topology) -> Problem:
    setting = "group control_plane"
    meant = {name: hosts for name, hosts in topology.other_groups.items() if hosts and meant_group(name, GROUPS) == "control_plane"}
    if meant:
        name = next(iter(meant))
        return Problem(
            setting,
            "no host is in it, and group %s (%s) is none of ours" % (name, listed(meant[name])),
            "call it control_plane; the groups are %s" % listed(GROUPS),
        )
    if topology.nodes or topology.left_out:
        return Problem(setting, "no host is in it", "put the hosts that are to run the API server in group control_plane")
    hosts = list(dict.fromkeys(host for hosts in topology.other_groups.values() for host in hosts))
    if hosts:
        return Problem(
            setting,
            "no host is in it, nor in another group of ours: %s would be passed over" % listed(hosts),
            "put the hosts that are to run the API server in group control_plane; the groups are %s" % listed(GROUPS),
        )
    return Problem(
        setting,
        "no host is in it: the inventory is empty, or it could not be read",
        "name it with -i; where Ansible warns above that it could not be parsed, mend that",
    )


def _strangers(topology: Topology) -> Iterator[Problem]:
    """Hosts of whom no playbook takes notice, which is likely not what was wanted."""
    known = {*topology.nodes, *topology.left_out}
    for name, hosts in topology.other_groups.items():
        left = [host for host in hosts if host not in known and host != "localhost"]
        meant = meant_group(name, GROUPS)
        if not left or not known:
            continue
        if name == "ungrouped":
            yield Problem(
                "inventory",
                "%s in no group, so no playbook does anything there" % ("a host is" if len(left) == 1 else "hosts are"),
                "put them into one of %s; what is to be left alone may stand in any group of another name" % listed(GROUPS),
                tuple(left),
                warning=True,
            )
        elif meant:
            yield Problem(
                "group %s" % name,
                "no playbook knows this group, so nothing is done on its hosts; did you mean %s?" % meant,
                "call it %s, or put the hosts into that group" % meant,
                tuple(left),
                warning=True,
            )


def _nobody_for_pods(topology: Topology) -> Iterator[Problem]:
    """RKE2's servers run pods of users as they are."""
    settings = topology.settings
    if not topology.control_planes or any(node.state not in ("blank", "unknown") for node in topology.control_planes):
        return
    if not topology.workers and not settings.control_plane_schedulable and settings.distribution == "kubeadm":
        yield Problem(
            "cluster_control_plane_schedulable",
            "it is false, and no host is in group workers: nothing of yours would run anywhere",
            "write true, or put servers into group workers",
            warning=True,
        )


def _size(topology: Topology) -> Iterator[Problem]:
    number = len(topology.cluster_nodes)
    if number > MOST_NODES:
        yield Problem(
            "group workers",
            "%d nodes are more than the %d in all that Kubernetes is tested with, control planes among them" % (number, MOST_NODES),
            "make several clusters of them",
            warning=True,
        )


def _etcd(topology: Topology) -> Iterator[Problem]:
    mode = topology.settings.etcd_mode
    if mode not in ("stacked", "external"):
        yield Problem(
            "cluster_etcd_mode",
            "%r is no way to run etcd" % mode,
            "write stacked (on the control planes) or external (group etcd)",
        )
    hosts = [node.host for node in topology.group("etcd")]
    if mode == "external" and not hosts and not topology.settings.etcd_endpoints:
        yield Problem(
            "group etcd",
            "cluster_etcd_mode is external, but no host is in the group",
            "put an odd number of hosts in group etcd, or name an etcd that runs in cluster_etcd_endpoints",
        )
    others = [node.host for node in topology.group("etcd") if "control_plane" not in node.groups]
    if mode == "stacked" and others:
        yield Problem(
            "group etcd",
            "cluster_etcd_mode is stacked, so etcd runs on the control planes and these hosts would stay without a part",
            "set cluster_etcd_mode: external, or take them out of group etcd",
            tuple(others),
        )


def _shape(topology: Topology, control_planes: List[str]) -> Iterator[Problem]:
    number = len(control_planes)
    if topology.playbook == "single" and number > 1:
        yield Problem(
            "group control_plane",
            "playbook single builds one control plane, and here are %d" % number,
            "leave one host in it, or use the playbook baremetal.kubernetes.stacked_ha",
            tuple(control_planes),
        )
    if topology.playbook in ("stacked_ha", "lvs_haproxy") and number == 1:
        yield Problem(
            "group control_plane",
            "playbook %s needs at least 3 control planes, and here is 1" % topology.playbook,
            "add two more, or use the playbook baremetal.kubernetes.single",
            tuple(control_planes),
        )
    if topology.playbook in ("single", "stacked_ha") and topology.settings.etcd_mode == "external":
        yield Problem(
            "cluster_etcd_mode",
            "playbook %s builds etcd on the control planes, not on hosts of its own" % topology.playbook,
            "write stacked, or use the playbook baremetal.kubernetes.external_etcd",
        )
    if topology.playbook == "external_etcd":
        yield from _external(topology)


def _external(topology: Topology) -> Iterator[Problem]:
    if topology.settings.etcd_mode == "stacked":
        yield Problem(
            "cluster_etcd_mode",
            "playbook external_etcd builds etcd on the hosts of group etcd, and this is stacked",
            "write external, or use the playbook baremetal.kubernetes.stacked_ha",
        )
    if not topology.settings.vip:
        yield Problem(
            "cluster_vip",
            "playbook external_etcd brings up a virtual address for the API, and none is set",
            "set it to a free address of the control planes' network, and cluster_endpoint to it with port %d"
            % topology.settings.load_balancer_port,
        )


def _unreadable(topology: Topology) -> Iterator[Problem]:
    reasons = grouped((node.why_not, node.host) for node in topology.nodes.values() if node.why_not)
    for reason, hosts in reasons.items():
        names = ("host " if len(hosts) == 1 else "hosts ") + listed(hosts)
        if "can't be reached" in reason:
            remedy = "bring it back, correct ansible_host, or take it out of the inventory; until then no host is touched"
        elif "failed" in reason:
            remedy = (
                "mend what the message names on that host (Python, rights, a full disk), then run again; no host was touched"
            )
        else:
            remedy = (
                "run the playbook without --limit and without --skip-tags: the plan needs to know every host of the cluster"
            )
        # At a restore a worker that is down must not keep the control plane down.
        waits = topology.playbook in PLAYBOOKS and not any("workers" not in topology.nodes[host].groups for host in hosts)
        yield Problem(names, reason, remedy, tuple(hosts), warning=waits)


def _disagreement(topology: Topology) -> Iterator[Problem]:
    """cluster_* are the whole cluster's: a host with a value of its own would be built for another cluster."""
    seen: Dict[str, Dict[str, List[str]]] = {}
    for node in topology.nodes.values():
        for name, value in node.variables.items():
            if name in KINDS and name not in PER_HOST:
                seen.setdefault(name, {}).setdefault(repr(value), []).append(node.host)
    for name in sorted(seen):
        values = sorted(seen[name].items(), key=lambda pair: len(pair[1]))
        if len(values) > 1:
            minority = [host for _value, hosts in values[:-1] for host in hosts]
            yield Problem(
                name,
                "it has %s: %s"
                % (
                    counted(len(values), "value"),
                    "; ".join("%.60s on %s" % (value, listed(hosts, 3)) for value, hosts in reversed(values[-4:])),
                ),
                "set it once for all hosts, in group_vars/all.yml",
                tuple(minority),
            )
