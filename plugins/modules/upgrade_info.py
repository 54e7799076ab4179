#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_info
version_added: 0.1.0
short_description: Read how far a cluster is on its way to a version
description:
  - Reads off the API which version kubeadm-config, kube-proxy and every kubelet have, which nodes an earlier upgrade has closed,
    and which APIs somebody has asked for that a later release takes away. Run it on a control plane.
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: It changes nothing.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Read how far the cluster is
  baremetal.kubernetes.upgrade_info:
  register: upgrade_state
"""

RETURN = r"""
cluster:
  description: What was read.
  type: dict
  returned: always
  contains:
    config_version: {description: What kubeadm-config says., type: str, sample: v1.36.3}
    proxy_version: {description: The tag of kube-proxy's image; empty where there is none., type: str, sample: v1.36.3}
    nodes: {description: "kubelet, ready, cordoned and cordoned_by of each node, by name.", type: dict}
    local_volumes: {description: PersistentVolumes on nodes' own disks., type: list, elements: str}
    removed_apis: {description: "api, resource and removed_release of each API that was asked for.", type: list, elements: dict}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    KUBECTL_ARGUMENTS,
    Kubectl,
    KubernetesError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade.cluster import read


@in_words
def main() -> None:
    module = AnsibleModule(argument_spec=dict(KUBECTL_ARGUMENTS), supports_check_mode=True)
    runner = HostRunner()
    try:
        found = read(runner, Kubectl.from_options(runner, module.params), module.params["kubeconfig"])
    except KubernetesError as error:
        module.fail_json(**error.fields())
    module.exit_json(changed=False, cluster=found)


if __name__ == "__main__":
    main()
