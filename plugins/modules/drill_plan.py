#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drill_plan
version_added: 0.1.0
short_description: Choose what a drill kills where
description:
  - Looks, on the controller, at what M(baremetal.kubernetes.drill_fault) saw on all hosts, and says for each wanted fault where it
    would be done, or why this cluster has no part for it. Of several hosts the one whose loss costs most is chosen, such as the
    holder of the virtual address or the leader of etcd.
  - Fails with everything that is wrong at once; among it a fault that would cost the cluster its quorum or its only API server.
options:
  cluster_name:
    description: The cluster's name, which O(confirm) has to repeat.
    type: str
    required: true
  confirm:
    description: The name of the cluster that may be hurt. In check mode it may be empty.
    type: str
    default: ""
  faults:
    description: Names of the wanted faults. Empty for all.
    type: list
    elements: str
    default: []
  fault:
    description: Choose the targets of this one alone, as the cluster is now.
    type: str
    default: ""
  limits:
    description: The limits, whose names and values are checked.
    type: dict
    default: {}
  seconds:
    description: How long a fault lasts.
    type: int
    default: 20
  revert_after:
    description: Seconds after which a node undoes its fault by itself.
    type: int
    default: 120
  virtual_address:
    description: The cluster's virtual address; empty where it has none.
    type: str
    default: ""
  power_off:
    description: Whether there is a command that takes a host's power.
    type: bool
    default: false
  power_on:
    description: Whether there is a command that gives it back.
    type: bool
    default: false
  nodes:
    description: The hosts by name, each with C(name) and C(roles) (its groups), from M(baremetal.kubernetes.topology_check).
    type: dict
    required: true
  looks:
    description: Newer results of M(baremetal.kubernetes.drill_fault) than each host's variable C(drill_look), with the host as
      C(item).
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    support: full
    description: Decides only.
  diff_mode:
    support: none
    description: Decides only.
  action:
    support: full
    description: Runs on the controller; no host is connected to.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: See what runs where
  baremetal.kubernetes.drill_fault:
    state: look
    virtual_address: 192.0.2.100
  register: drill_look

- name: Choose what is killed
  baremetal.kubernetes.drill_plan:
    cluster_name: kubernetes
    confirm: kubernetes
    virtual_address: 192.0.2.100
    nodes: "{{ topology.plan.nodes }}"
  run_once: true
"""

RETURN = r"""
faults:
  description: Names of the faults that can be done, in their order.
  type: list
  elements: str
  returned: without O(fault)
left_out:
  description: Those that can't, as C(fault) and C(reason).
  type: list
  elements: dict
  returned: without O(fault)
candidates:
  description: The hosts to look at again before each fault.
  type: list
  elements: str
  returned: without O(fault)
summary:
  description: What would be done where, a line for each fault.
  type: list
  elements: str
  returned: without O(fault)
run:
  description: A name for this drill.
  type: str
  returned: without O(fault)
controller_pid:
  description: The process that runs the play.
  type: int
  returned: without O(fault)
errors:
  description: Everything that is wrong, as C(setting), C(problem), C(remedy) and C(hosts).
  type: list
  elements: dict
  returned: without O(fault)
chosen:
  description: The fault with its C(targets), each with C(host), C(action), C(services), C(pod) and C(addresses).
  type: dict
  returned: with O(fault)
ask:
  description: A control plane that is none of the targets.
  type: str
  returned: with O(fault)
"""
