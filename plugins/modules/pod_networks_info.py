#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_networks_info
version_added: 0.1.0
short_description: Read which pods' addresses each node has
description:
  - Asks the API for the nodes, their addresses and their pod networks, and waits until each expected node has its own.
options:
  expected:
    description: Names of nodes that must have a pod network.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for them.
    type: int
    default: 60
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: Changes nothing. On a host without a kubeconfig, as before the first run, it returns no nodes; it doesn't wait.
  diff_mode:
    support: none
    description: It changes nothing.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Read the pod networks of all nodes
  baremetal.kubernetes.pod_networks_info:
    expected: [cp1, worker1]
  register: pod_networks
"""

RETURN = r"""
nodes:
  description: The nodes by name.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The node's name.
      type: str
    addresses:
      description: Its addresses in the cluster.
      type: list
      elements: str
    pod_cidrs:
      description: The networks of its pods.
      type: list
      elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    KUBECTL_ARGUMENTS,
    Kubectl,
    KubernetesError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.nodes import pod_networks
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "expected": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 60},
            **KUBECTL_ARGUMENTS,
        },
        supports_check_mode=True,
    )
    kubectl = Kubectl.from_options(HostRunner(), module.params)
    if module.check_mode and not kubectl.usable():
        module.exit_json(changed=False, nodes=[])
    try:
        expected = [] if module.check_mode else module.params["expected"]
        nodes = pod_networks(kubectl, expected, module.params["timeout"])
    except KubernetesError as error:
        module.fail_json(**error.fields())
    module.exit_json(changed=False, nodes=nodes)


if __name__ == "__main__":
    main()
