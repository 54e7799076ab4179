#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificates_report
version_added: 0.1.0
short_description: Say when every certificate of every host ends, and what is due
description:
  - Looks, on the controller, at the certificates that M(baremetal.kubernetes.node_facts) read off all hosts, and at the client
    certificate of the kubeconfig that lies on the controller.
  - A kubelet's client certificate is due only where the kubelet's own rotation is stuck. Certificate authorities are reported, and
    replaced only where O(rotate_ca) names the cluster's.
options:
  renew_before_days:
    description: A certificate with fewer whole days left is due.
    type: int
    default: 30
  kubeconfig:
    description: The kubeconfig on the controller.
    type: path
    default: ""
  api_host:
    description: A control plane whose API server answers. Empty means the first control plane.
    type: str
    default: ""
  rotate_ca:
    description: The hash of the CA that is to be replaced, as kubeadm pins it and the report names it. Empty means none.
    type: str
    default: ""
  rotate_until:
    description: Where its rotation is to stop for now. Empty means at its end.
    type: str
    choices: ["", trusted, signed]
    default: ""
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
- name: Say what ends within two months
  baremetal.kubernetes.certificates_report:
    renew_before_days: 60
  run_once: true
  register: certificates_state
"""

RETURN = r"""
certificates:
  description: Every certificate, the first to expire first.
  type: list
  elements: dict
  returned: always
due:
  description: The hosts on which something is due that playbook certificates renews.
  type: list
  elements: str
  returned: always
work:
  description: C(group) and C(host) of each host that has work.
  type: list
  elements: dict
  returned: always
report:
  description: All of it as lines for a person.
  type: list
  elements: str
  returned: always
"""
