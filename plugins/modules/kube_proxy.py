#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_proxy
version_added: 0.1.0
short_description: Bring a running cluster's kube-proxy to another mode, or take it away
description:
  - Changes what kubeadm once made of kube-proxy. Nothing but kube-proxy's own objects and rules is touched.
options:
  state:
    description:
      - V(configured), on a control plane, brings O(fields) into kube-proxy's ConfigMap and starts its pods anew, one after another.
      - V(absent), on a control plane, deletes the DaemonSet, and the ConfigMap without which no upgrade brings it back. Do so only
        when something else answers for Services.
      - V(cleaned), on any node, removes the rules that modes other than O(mode) have left there.
    type: str
    choices: [configured, absent, cleaned]
    required: true
  mode:
    description: The mode that is wanted, for V(cleaned).
    type: str
    choices: [iptables, nftables, ipvs, disabled]
    default: iptables
  fields:
    description: Fields of KubeProxyConfiguration, for V(configured).
    type: dict
    default: {}
  timeout:
    description: Seconds that the pods may take.
    type: int
    default: 300
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: Returns the steps that would be taken.
  diff_mode:
    support: full
    description: Shows the steps.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Have kube-proxy write nftables rules
  baremetal.kubernetes.kube_proxy:
    state: configured
    fields: {mode: nftables}
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be.
  type: list
  elements: str
  returned: always
"""

import json
from typing import List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import wait_for_rollouts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    KUBECTL_ARGUMENTS,
    Kubectl,
    KubernetesError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.proxy import (
    NAME,
    NAMESPACE,
    config_map,
    leftovers,
    plan_cleaning,
    wanted_config,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup.apply import CleanupError, carry_out
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

DAEMON_SET = {"kind": "DaemonSet", "metadata": {"name": NAME, "namespace": NAMESPACE}}
#: On the pods: the document that they were started for, so that a restart that a killed run still owes shows.
ANNOTATION = "baremetal-kubernetes/mode"


def configured(module: AnsibleModule, kubectl: Kubectl) -> List[str]:
    item = config_map(kubectl)
    if item is None:
        raise KubernetesError(
            "kube-proxy",
            "the cluster has none",
            "let kubeadm bring it back (kubeadm init phase addon kube-proxy --config …), then run again",
        )
    steps: List[str] = []
    made = wanted_config(item, module.params["fields"])
    if made is not None:
        steps.append("kube-proxy gets %s" % ", ".join(sorted(module.params["fields"])))
        if not module.check_mode:
            kubectl.checked("ConfigMap kube-proxy", ["replace", "--filename=-"], stdin=json.dumps(made))
    version = str(((item if made is None else made).get("data") or {}).get("config.conf", ""))
    (daemon_set,) = kubectl.objects("daemonsets", "--namespace=" + NAMESPACE, "--field-selector=metadata.name=" + NAME) or [{}]
    template = daemon_set.get("spec", {}).get("template", {}).get("metadata", {})
    mark = "%08x" % (hash_of(version) & 0xFFFFFFFF)
    owed = (template.get("annotations") or {}).get(ANNOTATION)
    if made is not None or (owed is not None and owed != mark):
        steps.append("start kube-proxy's pods anew")
        if not module.check_mode:
            patch = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: mark}}}}}
            kubectl.checked(
                "DaemonSet kube-proxy", ["patch", "daemonset", NAME, "--namespace=" + NAMESPACE, "--patch=" + json.dumps(patch)]
            )
    if not module.check_mode:
        wait_for_rollouts(kubectl, [DAEMON_SET], module.params["timeout"])
    return steps


def hash_of(text: str) -> int:
    """The same on every host and in every run."""
    import zlib

    return zlib.crc32(text.encode())


def absent(module: AnsibleModule, kubectl: Kubectl) -> List[str]:
    found = leftovers(kubectl)
    if found and not module.check_mode:
        kubectl.checked(
            "kube-proxy", ["delete", "--namespace=" + NAMESPACE, "--ignore-not-found", "--timeout=60s"] + found, timeout=90
        )
    return ["delete %s" % name for name in found]


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["configured", "absent", "cleaned"], "required": True},
            "mode": {"type": "str", "choices": ["iptables", "nftables", "ipvs", "disabled"], "default": "iptables"},
            "fields": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 300},
            **KUBECTL_ARGUMENTS,
        },
        supports_check_mode=True,
    )
    kubectl = Kubectl.from_options(HostRunner(), module.params)
    try:
        if module.params["state"] == "cleaned":
            planned = plan_cleaning(HostRunner(), module.params["mode"])
            if not module.check_mode:
                carry_out(HostRunner(), planned)
            steps = [step.text for step in planned]
        else:
            steps = (configured if module.params["state"] == "configured" else absent)(module, kubectl)
    except KubernetesError as error:
        module.fail_json(**error.fields())
    except CleanupError as error:
        module.fail_json(msg=str(error), step=error.step, problem=error.problem, remedy=error.remedy)
    module.exit_json(changed=bool(steps), steps=steps, diff={"before": "", "after": "".join(step + "\n" for step in steps)})


if __name__ == "__main__":
    main()
