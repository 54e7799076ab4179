# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks over all hosts at once, and the plan. Pure: data in, data out."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks import (
    backups,
    balancing,
    command_line,
    components,
    endpoint,
    external_etcd,
    failover,
    groups,
    growth,
    hardware,
    interconnect,
    kube_vip,
    kubeadm_config,
    leaving,
    membership,
    metallb,
    names,
    offline,
    packages,
    pod_network,
    quorum,
    readiness,
    rke2,
    role_files,
    runtimes,
    security,
    storage,
    subnets,
    versions,
    zfs,
    zfs_backups,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.interconnect import PLAYBOOK
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.inventory import entries, read_topology
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.leaving import find_leaving, read_names
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.plan import make_plan
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import Problem
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.rke2 import plan_rke2

#: In the order in which a person should read what they say: who is there, then what is built, then what it runs on.
CHECKS = (
    *(hardware, storage),
    *(groups, command_line, leaving, growth, quorum, external_etcd, names, endpoint, kube_vip, failover, metallb),
    *(interconnect, balancing, subnets, versions, packages, components, kubeadm_config, runtimes, role_files),
    *(pod_network, security),
    *(zfs, membership, readiness, backups, zfs_backups, offline),
)
#: What holds for a cluster of RKE2, too. Its versions, members and ports are its own.
RKE2_CHECKS = (
    *(hardware.check, groups.check, command_line.check, names.check, endpoint.check, balancing.check, subnets.check),
    *(membership.check_others, readiness.check_machines, role_files.check),
)


class Outcome(NamedTuple):
    problems: List[Problem]
    warnings: List[Problem]
    plan: Dict[str, Any]


def check_topology(data: Mapping[str, Any], more: Iterable[Problem] = ()) -> Outcome:
    """Everything that is wrong, everything worth a warning, and the plan.

    ``data`` has ``settings`` (cluster_* variables), ``hosts`` (name -> groups, vars, facts, unreachable, failed, msg),
    ``playbook`` (what is to be done, may be empty), ``leaving`` (names of nodes that shall be gone), ``two_members`` (that two
    members of etcd are wanted for a while), ``resolved`` (name -> addresses), ``groups`` (name -> hosts, all of the inventory) and
    ``playbooks`` (those that have a plan, where ``playbook`` is none of them). ``more`` are problems that were found before, such
    as those of role settings. ``offline`` is what is known of a bundle for hosts without internet.
    """
    topology, found = read_topology(data)
    more = list(more)
    topology.playbooks = [str(name) for name in entries(data.get("playbooks"))]
    topology.named, faults = read_names(data.get("leaving"), topology.playbook)
    known = {problem.setting for problem in more}
    found += [Problem(*fault) for fault in faults if fault.setting not in known]
    topology.leaving, gone = find_leaving(topology.named, topology.nodes.values(), topology.playbook)
    nodes = list(topology.nodes)
    topology.left_out = {host: topology.nodes.pop(host) for host in gone}
    topology.two_members = data.get("two_members") is True and topology.playbook == "grow"
    found = found + more
    plan = make_plan(topology)
    if not nodes:
        # Nobody has the variables of the inventory, so nothing can be said of settings.
        found = more + list(groups.check(topology))
    elif rke2.is_rke2(topology) and topology.playbook != PLAYBOOK:
        for check in (*RKE2_CHECKS, rke2.check):
            found += check(topology)
        plan.update(plan_rke2(topology))
    else:
        # The link comes before the cluster, whose addresses are on it.
        for subject in (groups, interconnect) if topology.playbook == PLAYBOOK else CHECKS:
            found += subject.check(topology)
        found += rke2.check_foreign(topology)
    unique = list(dict.fromkeys(found))
    return Outcome(
        [problem for problem in unique if not problem.warning],
        [problem for problem in unique if problem.warning],
        plan,
    )
