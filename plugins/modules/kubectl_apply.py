#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubectl_apply
version_added: 0.1.0
short_description: Bring objects of a cluster to their manifests
description:
  - Compares with C(kubectl diff) and applies on the server's side only what differs.
  - Runs on a host that has kubectl and a kubeconfig,
    such as a control plane, and needs no Python library there.
  - Fields that the manifests do not name stay as they are. Objects are not removed.
options:
  manifests:
    description: The objects, in the order in which they are applied.
    type: list
    elements: dict
    required: true
  server:
    description: URL of the API server to ask, where the address in the kubeconfig may not answer. Empty means that address.
    type: str
    default: ""
  wait:
    description: Wait until the workloads among the objects run.
    type: bool
    default: false
  wait_timeout:
    description: Seconds in which each of them, or where pods are replaced one by one each next pod, has to get there.
    type: int
    default: 300
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: On a host without a kubeconfig all objects count as new.
  diff_mode:
    support: full
    description: What the server says would change; of a Secret only that it would.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Install an add-on from the role's template
  baremetal.kubernetes.kubectl_apply:
    manifests: "{{ lookup('ansible.builtin.template', 'addon.yaml.j2') | from_yaml_all | list }}"
    wait: true
"""

RETURN = r"""
objects:
  description: The objects that changed, or in check mode would.
  type: list
  elements: str
  returned: always
  sample: [DaemonSet kube-flannel/kube-flannel-ds]
rollouts:
  description: The last word of C(kubectl rollout status) about each workload.
  type: list
  elements: str
  returned: when O(wait)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import (
    all_new,
    apply,
    check_manifests,
    plan_apply,
    wait_for_rollouts,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    KUBECTL_ARGUMENTS,
    Kubectl,
    KubernetesError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "manifests": {"type": "list", "elements": "dict", "required": True},
            **KUBECTL_ARGUMENTS,
            "server": {"type": "str", "default": ""},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    manifests = module.params["manifests"]
    kubectl = Kubectl.from_options(HostRunner(), module.params, module.params["server"] or None)
    rollouts = []
    try:
        check_manifests(manifests)
        plan = all_new(manifests) if module.check_mode and not kubectl.usable() else plan_apply(kubectl, manifests)
        if plan.differs and not module.check_mode:
            apply(kubectl, manifests)
        if module.params["wait"] and not module.check_mode:
            rollouts = wait_for_rollouts(kubectl, manifests, module.params["wait_timeout"])
    except KubernetesError as error:
        module.fail_json(**error.fields())
    module.exit_json(changed=plan.differs, objects=plan.objects, rollouts=rollouts, diff={"prepared": plan.diff})


if __name__ == "__main__":
    main()
