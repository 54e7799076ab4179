#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_plan
version_added: 0.1.0
short_description: Check whether a cluster can go to a version, and plan the way
description:
  - Looks, on the controller, at what M(baremetal.kubernetes.node_facts) read off the nodes and M(baremetal.kubernetes.upgrade_info)
    off the API. Fails with everything that speaks against the upgrade at once.
  - Minors are taken one at a time; kubelets may be behind as far as the release allows; etcd's own steps (3.5 to 3.6, 3.6 to 3.7)
    ask for a patch before; arguments and APIs that the release has not are named.
  - What is left to do is told by the cluster alone, so an upgrade that was killed goes on from where it was.
options:
  kubernetes_version:
    description: The version that is wanted.
    type: str
    required: true
  cluster:
    description: What M(baremetal.kubernetes.upgrade_info) returned.
    type: dict
    required: true
  nodes:
    description: The nodes of M(baremetal.kubernetes.topology_check)'s plan.
    type: dict
    required: true
  api_host:
    description: The control plane that is asked.
    type: str
    required: true
  until:
    description: Where to stop, V(first_control_plane), V(control_planes) or a host. Empty means the end.
    type: str
    default: ""
  allow_removed_apis:
    description: Go on although somebody asks for APIs that the release has not.
    type: bool
    default: false
  etcd_tag:
    description: The tag of etcd's image where it is not the release's own.
    type: str
    default: ""
  batch:
    description: How many workers at once, a number or a share as V(20%).
    type: str
    default: "1"
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
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Plan the upgrade
  baremetal.kubernetes.upgrade_plan:
    kubernetes_version: 1.36.3
    cluster: {config_version: v1.36.2, proxy_version: v1.36.2, nodes: {}, removed_apis: []}
    nodes: {}
    api_host: cp1
"""

RETURN = r"""
plan:
  description: What is to be done.
  type: dict
  returned: success
  contains:
    running: {description: The version that the cluster comes from., type: str}
    apply: {description: Where C(kubeadm upgrade apply) runs; null where it has run., type: str}
    control_planes: {description: Control planes with work., type: list, elements: str}
    workers: {description: Workers with work., type: list, elements: str}
    addons: {description: Whether kube-proxy and CoreDNS have to be looked at., type: bool}
    reopen: {description: Names of nodes that an earlier run closed., type: list, elements: str}
    work: {description: C(group) and C(host) of each host that has work., type: list, elements: dict}
    summary: {description: A line for each node., type: list, elements: str}
errors:
  description: Everything that speaks against it, each with C(setting), C(problem), C(remedy) and C(hosts).
  type: list
  elements: dict
  returned: always
"""
