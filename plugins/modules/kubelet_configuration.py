#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubelet_configuration
version_added: 0.1.0
short_description: Bring settings to kubelets that run, and approve the serving certificates that they ask for
description:
  - kubeadm keeps one KubeletConfiguration for all nodes in a ConfigMap, and a node takes it at its join only.
options:
  state:
    description:
      - V(uploaded), on a control plane, has kubeadm put the document of O(config) into the cluster where O(fields) differ there.
      - V(applied), on any node, has kubeadm take the cluster's document and restarts the kubelet where O(fields) differ here.
      - V(approved), on a control plane, approves pending requests for serving certificates that name nothing but the asking node.
        Others are returned and left alone.
    type: str
    choices: [uploaded, applied, approved]
    required: true
  fields:
    description: Fields of KubeletConfiguration and their values.
    type: dict
    default: {}
  config:
    description: kubeadm's file with the whole document, for V(uploaded).
    type: path
    default: ""
  nodes:
    description: Name of each node to the addresses that it may have a certificate for, for V(approved).
    type: dict
    default: {}
  wait_for:
    description: With V(approved), nodes whose request is waited for, since they have just been told to ask.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait.
    type: int
    default: 60
  kubeadm_path:
    description: The kubeadm program.
    type: str
    default: kubeadm
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: Returns whether something would change.
  diff_mode:
    support: none
    description: The steps are in the result.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Approve the serving certificates of kubelets
  baremetal.kubernetes.kubelet_configuration:
    state: approved
    nodes: {worker1: [10.0.0.21]}
"""

RETURN = r"""
differing:
  description: Fields that differed.
  type: list
  elements: str
  returned: O(state=uploaded) or O(state=applied)
approved:
  description: Nodes whose requests were approved.
  type: list
  elements: str
  returned: O(state=approved)
missing:
  description: Nodes of O(wait_for) that asked for nothing in that time.
  type: list
  elements: str
  returned: O(state=approved)
refused:
  description: Requests that were left alone, and why.
  type: list
  elements: str
  returned: O(state=approved)
"""

import time
from typing import List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    KUBECTL_ARGUMENTS,
    Kubectl,
    KubernetesError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security.kubelet import (
    CONFIG,
    cluster_text,
    differing,
    pending,
)


def run(module: AnsibleModule, argv: List[str], what: str) -> None:
    result = HostRunner().run(argv, timeout=120)
    if result.rc != 0:
        module.fail_json(msg="%s failed: %s" % (what, (result.stderr.strip() or result.stdout.strip())[-1500:]))


def settings(module: AnsibleModule, kubectl: Kubectl) -> None:
    options, uploaded = module.params, module.params["state"] == "uploaded"
    found = differing(cluster_text(kubectl) if uploaded else HostRunner().read(CONFIG) or "", options["fields"])
    if found and not module.check_mode:
        kubeadm = options["kubeadm_path"]
        if uploaded:
            run(
                module,
                [kubeadm, "init", "phase", "upload-config", "kubelet", "--config", options["config"]],
                "kubeadm upload-config",
            )
        else:
            run(module, [kubeadm, "upgrade", "node", "phase", "kubelet-config"], "kubeadm upgrade node phase kubelet-config")
            run(module, ["systemctl", "restart", "kubelet"], "the kubelet's restart")
            left = differing(HostRunner().read(CONFIG) or "", options["fields"])
            if left:
                module.fail_json(msg="%s: the cluster's document has other values of %s" % (CONFIG, ", ".join(left)))
    module.exit_json(changed=bool(found), differing=found)


def approve(module: AnsibleModule, kubectl: Kubectl) -> None:
    options = module.params
    deadline = time.monotonic() + options["timeout"]
    approved: List[str] = []
    if module.check_mode and not kubectl.usable():
        module.exit_json(changed=False, approved=[], refused=[], missing=[])
    while True:
        verdicts = pending(kubectl, options["nodes"])
        good = [verdict for verdict in verdicts if not verdict.why_not]
        refused = ["%s of %s: %s" % (one.name, one.node, one.why_not) for one in verdicts if one.why_not]
        if good and not module.check_mode:
            kubectl.checked("certificate approve", ["certificate", "approve"] + [verdict.name for verdict in good])
        approved += [verdict.node for verdict in good if verdict.node not in approved]
        missing = [name for name in options["wait_for"] if name not in approved]
        if not missing or module.check_mode or time.monotonic() > deadline:
            break
        time.sleep(1)
    module.exit_json(changed=bool(approved), approved=sorted(approved), refused=refused, missing=missing)


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["uploaded", "applied", "approved"], "required": True},
            "fields": {"type": "dict", "default": {}},
            "config": {"type": "path", "default": ""},
            "nodes": {"type": "dict", "default": {}},
            "wait_for": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 60},
            "kubeadm_path": {"type": "str", "default": "kubeadm"},
            **KUBECTL_ARGUMENTS,
        },
        supports_check_mode=True,
    )
    kubectl = Kubectl.from_options(HostRunner(), module.params)
    try:
        (approve if module.params["state"] == "approved" else settings)(module, kubectl)
    except KubernetesError as error:
        module.fail_json(**error.fields())


if __name__ == "__main__":
    main()
