#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: topology_check
version_added: 0.1.0
short_description: Check all hosts of a cluster together, and plan what a run will do
description:
  - Looks, on the controller, at the settings of the cluster and of all roles and at what M(baremetal.kubernetes.node_facts) read
    off the hosts of the groups C(control_plane), C(workers), C(etcd), C(load_balancers) and C(directors).
  - Fails with everything that is wrong at once. Each error names the setting, what is wrong with it, what to write instead, and the
    hosts. So a cluster is not begun that can't be finished, and nobody mends one thing a run.
  - Checks etcd's quorum and its spread over machines (C(physical_host)), names, addresses, machine-ids, VIP and endpoint, subnets
    against each other and against every host's routes, versions, what kubeadm left on hosts, hardware, clocks, ports and disks.
  - The plan says where to run C(kubeadm init), which healthy control plane to ask, and who joins. It is chosen by what was read.
options:
  playbook:
    description: The topology that is to be built, V(single), V(stacked_ha), V(external_etcd) or V(lvs_haproxy), whose hosts are
      then checked for it; or V(join), V(grow), V(remove) or V(replace), which change a cluster that lives, or V(backup) or
      V(restore); or V(interconnect), which looks at the link alone. Empty for any.
    type: str
    default: ""
  leaving:
    description: Names of nodes that shall be gone, with O(playbook=remove) or O(playbook=replace), as a list or a text with commas.
      What is checked and planned is the cluster without them; they may be unreachable, or no longer in the inventory. What is no
      list of names is among the RV(errors).
    type: raw
  two_members:
    description: With O(playbook=grow), two members of etcd are a warning and no error, for a cluster on its way to three.
    type: bool
    default: false
notes:
  - Run it once (C(run_once)), after M(baremetal.kubernetes.node_facts) was run on all hosts with C(register=node_state),
    C(ignore_unreachable=true) and C(ignore_errors=true), so that a host that is down is reported with its reason like all else.
  - Defaults of the cluster's settings come from the role C(baremetal.kubernetes.cluster).
attributes:
  check_mode:
    support: full
    description: Never changes anything.
  diff_mode:
    support: none
    description: Never changes anything.
  action:
    support: full
    description: Runs on the controller; no host is connected to.
seealso:
  - module: baremetal.kubernetes.node_facts
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Read the state of all nodes
  baremetal.kubernetes.node_facts:
  register: node_state
  ignore_unreachable: true
  ignore_errors: true

- name: Check everything together and plan the run
  baremetal.kubernetes.topology_check:
    playbook: stacked_ha
  register: topology
  run_once: true

- name: Say what will be done
  ansible.builtin.debug:
    msg: "{{ topology.plan.summary }}"
  run_once: true
"""

RETURN = r"""
errors:
  description: Everything that is wrong. Not empty if and only if the task failed.
  returned: always
  type: list
  elements: dict
  contains:
    setting:
      description: The variable, group or property of a host.
      type: str
    problem:
      description: What is wrong with it.
      type: str
    remedy:
      description: What to write or do.
      type: str
    hosts:
      description: The hosts that it is about; empty where it is about the cluster as a whole.
      type: list
      elements: str
  sample:
    - setting: cluster_service_subnet
      problem: 172.32.0.0/16 is public address space (the private 172.16.0.0/12 ends at 172.31.255.255)
      remedy: take a network within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10
      hosts: []
cautions:
  description: What does not prevent a run but should be known, in the form of RV(errors). Ansible prints them as warnings, too.
  returned: always
  type: list
  elements: dict
plan:
  description: What the run will do.
  returned: success
  type: dict
  contains:
    playbook:
      description: As O(playbook).
      type: str
    phases:
      description: The plays that O(playbook) has after preflight and that have work, in their order, as C(name) and C(hosts). The
        hosts are null where only a later step can know them, and the list is empty without O(playbook).
      type: list
      elements: dict
    versions:
      description: Of each program (C(kubelet), C(etcd), C(rke2), the container runtime) the versions that were read, each with its
        hosts.
      type: dict
    kubeconfig:
      description: Where the administrator's kubeconfig is, or will be, on the controller.
      type: str
    kubernetes_version:
      description: The version without a leading v.
      type: str
    endpoint:
      description: Where clients reach the API, as host and port.
      type: str
    nodes:
      description: By inventory name, each host's C(name), C(address), C(interface), C(roles) (its groups) and C(state) of kubeadm.
      type: dict
    node_names:
      description: The names of all Kubernetes nodes; hosts of etcd and load balancers are none.
      type: list
      elements: str
    hosts_entries:
      description: Lines of a hosts file, as C(address) and C(names).
      type: list
      elements: dict
    init:
      description: The host to initialise the cluster on; null where there is a cluster.
      type: str
    work:
      description: The groups C(plan_*) that the playbooks run for, as C(group) and C(host).
      type: list
      elements: dict
    host_groups:
      description: The same by host, as C(host) and C(groups), in an order in which each group gets its own.
      type: list
      elements: dict
    certificates:
      description: Of each node, the certificate that expires first.
      type: list
      elements: dict
    ask:
      description: A healthy control plane to ask; null where there is none.
      type: str
    api_host:
      description: The host through which this run talks to the cluster, RV(plan.ask) or else RV(plan.init).
      type: str
    api_server:
      description: URL of the API server on that host itself.
      type: str
    join_control_planes:
      description: Hosts that join as control planes, in order.
      type: list
      elements: str
    join_workers:
      description: Hosts that join as workers.
      type: list
      elements: str
    leaving:
      description: Of each node that leaves its C(name), C(host) (empty where the inventory has none), C(condition) (V(alive),
        V(dead), V(blank) or V(begun)), C(address), whether it is a C(control_plane), and whether a C(successor) is there.
      type: list
      elements: dict
    summary:
      description: What will be done where, in order, as text.
      type: list
      elements: str
    keepalived:
      description: By inventory name, C(priority), C(router_id), C(interface), C(source), C(peers) of each host that the VIP moves
        between.
      type: dict
    load_balancer_backends:
      description: The API servers, as C(name), C(address) and C(port).
      type: list
      elements: dict
    lvs_real_servers:
      description: The load balancers behind the directors, as C(name), C(address) and C(weight).
      type: list
      elements: dict
    etcd_endpoints:
      description: URLs of all etcd members for clients.
      type: list
      elements: str
    external_etcd:
      description: Of external etcd the C(endpoints) (empty where it is stacked), C(members), C(bootstrap) (whether all begin a new
        cluster), the hosts of C(together), C(one_by_one), C(authority), C(clients) and C(given), C(tuning) and C(round_trip_ms).
      type: dict
msg:
  description: The summary of the plan, or all errors as text.
  returned: always
  type: str
"""
